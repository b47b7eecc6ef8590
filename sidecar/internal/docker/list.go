package docker

import (
	"context"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// List returns this deployment's containers, networks, volumes and files, of one instance or (empty) of all.
func (e *Engine) List(ctx context.Context, instance string) ([]instancer.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	var containers []container.Summary
	var networks []network.Summary
	var volumes volume.ListResponse
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		containers, err = api.ContainerList(ctx, container.ListOptions{All: true, Filters: e.mine(instance)})
		return err
	})
	g.Go(func() (err error) {
		networks, err = api.NetworkList(ctx, network.ListOptions{Filters: e.mine(instance)})
		return err
	})
	g.Go(func() (err error) {
		volumes, err = api.VolumeList(ctx, volume.ListOptions{Filters: e.mine(instance)})
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, translate(err)
	}
	all, err := e.files(instance)
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		o := instancer.Object{
			Kind: "container", ID: c.ID, Name: trimSlash(c.Names), Labels: parse(c.Labels),
			Running: c.State == container.StateRunning || c.State == container.StatePaused,
		}
		o.Ended = !o.Running && c.State != container.StateCreated
		if o.Running && c.Labels[labelGate] != "" {
			state := e.gateState(o.Labels.Instance, o.Labels.Service)
			o.Running, o.Waiting = state == gateOpen || state == gateUnknown, state == gateShut
		}
		all = append(all, o)
	}
	for _, n := range networks {
		all = append(all, instancer.Object{Kind: "network", ID: n.ID, Name: n.Name, Labels: parse(n.Labels)})
	}
	for _, v := range volumes.Volumes {
		all = append(all, instancer.Object{Kind: "volume", ID: v.Name, Name: v.Name, Labels: parse(v.Labels)})
	}
	return all, nil
}
