package docker

import (
	"context"

	"github.com/docker/docker/api/types/volume"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// CreateVolume makes an instance's own volume; making it twice is no error.
func (e *Engine) CreateVolume(ctx context.Context, name string, l instancer.Labels) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	_, err = api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Driver: "local", Labels: e.labels(l)})
	return translate(err)
}

// RemoveVolume removes a volume of ours; one that is gone is no error.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	return unlessMissing(api.VolumeRemove(ctx, name, true))
}
