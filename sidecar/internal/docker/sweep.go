package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// Sweep takes everything away that a deployment whose process has ended has on the engine, for whatever purpose. Layers
// of its images stay, so that building them again is quick.
func Sweep(ctx context.Context, deployment string) error {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return fmt.Errorf("sweep the engine: %w", err)
	}
	defer api.Close()
	marked := filters.NewArgs(filters.Arg("label", labelDeployment))
	ours := func(labels map[string]string) bool {
		own, _, _ := strings.Cut(labels[labelDeployment], "/")
		return own == deployment
	}
	var failed error
	keep := func(what string, err error) {
		if err = unlessMissing(err); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	containers, err := api.ContainerList(ctx, container.ListOptions{All: true, Filters: marked})
	keep("list containers", err)
	for _, c := range containers {
		if ours(c.Labels) {
			keep(
				"remove container "+c.ID, api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}),
			)
		}
	}
	networks, err := api.NetworkList(ctx, network.ListOptions{Filters: marked})
	keep("list networks", err)
	for _, n := range networks {
		if ours(n.Labels) {
			keep("remove network "+n.Name, api.NetworkRemove(ctx, n.ID))
		}
	}
	volumes, err := api.VolumeList(ctx, volume.ListOptions{Filters: marked})
	keep("list volumes", err)
	for _, v := range volumes.Volumes {
		if ours(v.Labels) {
			keep("remove volume "+v.Name, api.VolumeRemove(ctx, v.Name, true))
		}
	}
	images, err := api.ImageList(ctx, image.ListOptions{Filters: marked})
	keep("list images", err)
	for _, i := range images {
		if !ours(i.Labels) {
			continue
		}
		names := i.RepoTags
		if len(names) == 0 {
			names = []string{i.ID}
		}
		for _, name := range names {
			_, err := api.ImageRemove(ctx, name, image.RemoveOptions{})
			if errdefs.IsConflict(err) {
				continue // another deployment's container uses it
			}
			keep("remove image "+name, err)
		}
	}
	return failed
}
