package docker

import (
	"context"
	"errors"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// untaggedAge is how old an image without a name must be before it is taken for a leftover.
const untaggedAge = 30 * time.Minute

// RemoveImages removes the images that this deployment has built and keep does not want.
func (e *Engine) RemoveImages(ctx context.Context, keep func(challenge, revision, owner string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	images, err := api.ImageList(ctx, image.ListOptions{Filters: e.mine("")})
	if err != nil {
		return translate(err)
	}
	var failed error
	for _, i := range images {
		names := i.RepoTags
		if len(names) == 0 {
			// Two sidecars have built the same at once, and the other's has the tag now; or it is just being built.
			if time.Since(time.Unix(i.Created, 0)) < untaggedAge {
				continue
			}
			names = []string{i.ID}
		} else if keep(i.Labels[labelChallenge], i.Labels[labelRevision], i.Labels[labelOwner]) {
			continue
		}
		for _, name := range names {
			_, err := api.ImageRemove(ctx, name, image.RemoveOptions{PruneChildren: true})
			if errdefs.IsConflict(err) {
				continue // a container still uses it
			}
			failed = errors.Join(failed, unlessMissing(err))
		}
	}
	return errors.Join(failed, e.sweepScans(ctx))
}
