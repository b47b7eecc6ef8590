package containers

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Traffic counts what goes between networks and what is outside of them.
type Traffic interface {
	// Of is what is known of each set of networks, by the same keys. A key with a network that is not found here is left
	// out.
	Of(ctx context.Context, networks map[string][]netip.Prefix) (map[string]whaley.Traffic, error)
}

// Sleep stops an instance's containers and leaves them as they are; see instancer.Platform.
func (c *Platform) Sleep(ctx context.Context, in *whaley.Instance) error {
	if err := c.closePorts(ctx, in); err != nil {
		return fmt.Errorf("put %s to sleep: %w", in.ID, err)
	}
	objects, err := c.engine.List(ctx, in.ID)
	if err != nil {
		return fmt.Errorf("put %s to sleep: %w", in.ID, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		if o.Kind == "container" && !o.Ended {
			g.Go(func() error {
				return c.engine.StopContainer(ctx, o.ID, cmp.Or(in.Terms.Grace[o.Labels.Service], defaultGrace))
			})
		}
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("put %s to sleep: %w", in.ID, err)
	}
	return nil
}

// Wake has an instance's containers run again; see instancer.Platform.
func (c *Platform) Wake(
	ctx context.Context, in *whaley.Instance, run func(ctx context.Context, made []instancer.Made) error,
) error {
	objects, err := c.engine.List(ctx, in.ID)
	if err != nil {
		return fmt.Errorf("wake %s: %w", in.ID, err)
	}
	ids := map[string]string{}
	for _, o := range objects {
		if o.Kind == "container" {
			ids[o.Labels.Service] = o.ID
		}
	}
	made := make([]instancer.Made, len(in.Sleep.Services))
	for n, name := range in.Sleep.Services {
		if ids[name] == "" {
			return fmt.Errorf("wake %s: the container of its service %s is gone", in.ID, name)
		}
		made[n] = instancer.Made{Service: whaley.Service{Name: name}, ID: ids[name], Address: in.Addresses[name]}
	}
	if err := c.allow(ctx, in); err != nil {
		return fmt.Errorf("wake %s: %w", in.ID, err)
	}
	if err := run(ctx, made); err != nil {
		return err
	}
	return c.open(ctx, in)
}

// Traffic is what goes to and from instances' networks; see instancer.Platform.
func (c *Platform) Traffic(ctx context.Context, all []*whaley.Instance) (map[string]whaley.Traffic, error) {
	if c.traffic == nil {
		return nil, nil
	}
	networks := make(map[string][]netip.Prefix, len(all))
	for _, in := range all {
		for _, p := range in.Parts() {
			networks[in.ID] = append(networks[in.ID], p.Subnet)
		}
	}
	return c.traffic.Of(ctx, networks)
}
