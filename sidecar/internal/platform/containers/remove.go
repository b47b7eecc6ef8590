package containers

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// removalSlots is how many orphans are removed at the same time.
const removalSlots = 16

// defaultGrace is how long a container may take to end by itself.
const defaultGrace = 2 * time.Second

// Remove removes an instance's objects and gives back what was reserved for it; see Platform.
func (c *Platform) Remove(ctx context.Context, in *whaley.Instance) error {
	c.mu.Lock()
	delete(c.prepared, in.ID)
	c.mu.Unlock()
	if err := c.closePorts(ctx, in); err != nil {
		return err
	}
	if err := c.clear(ctx, in); err != nil {
		return err
	}
	if err := c.forbid(ctx, in.Parts()); err != nil {
		return err
	}
	if err := c.sandboxes.Free(ctx, in.ID); err != nil {
		return err
	}
	return errors.Join(c.ports.Release(ctx, in.ID), c.subnets.Release(ctx, in.ID))
}

// Reserved are the instances that have a subnet or a port. The pool of sandboxes looks after its own.
func (c *Platform) Reserved(ctx context.Context) ([]string, error) {
	subnets, err := c.subnets.Holders(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := c.ports.Holders(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(
		slices.Concat(subnets, ports), func(id string) bool { return strings.HasPrefix(id, whaley.SandboxPrefix) },
	)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Tidy removes what no row asks for; see Platform. A subnet is free only once its network is gone and it is allowed
// nothing.
func (c *Platform) Tidy(
	ctx context.Context, orphans []string, live func(context.Context) ([]*whaley.Instance, error),
) error {
	var g errgroup.Group
	g.SetLimit(removalSlots)
	for _, id := range orphans {
		g.Go(func() error {
			if err := c.clear(ctx, &whaley.Instance{ID: id}); err != nil {
				c.log.Error("leftover not removed", "instance", id, "err", err)
			}
			return nil
		})
	}
	_ = g.Wait() // each has been told of
	err := c.firewall.Sync(ctx, func(ctx context.Context) ([]netip.Prefix, error) {
		all, err := live(ctx)
		var outside []netip.Prefix
		for _, in := range all {
			outside = append(outside, in.Outside()...)
		}
		return outside, err
	})
	if err != nil {
		return err
	}
	if err := c.syncPorts(ctx, live); err != nil {
		return err
	}
	for _, id := range orphans {
		if err := c.Remove(ctx, &whaley.Instance{ID: id}); err != nil {
			c.log.Error("leftover reservation not released", "instance", id, "err", err)
		}
	}
	return nil
}

// clear removes everything on the engine that carries the instance's label.
func (c *Platform) clear(ctx context.Context, in *whaley.Instance) error {
	objects, err := c.engine.List(ctx, in.ID)
	if err != nil {
		return err
	}
	return c.removeAll(ctx, in, objects)
}

// removeAll removes objects of an instance.
func (c *Platform) removeAll(ctx context.Context, in *whaley.Instance, objects []instancer.Object) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		if o.Kind != "container" {
			continue
		}
		g.Go(func() error {
			if o.Running {
				if err := c.engine.StopContainer(gctx, o.ID, cmp.Or(in.Terms.Grace[o.Labels.Service], defaultGrace)); err != nil {
					c.log.WarnContext(
						ctx, "container did not stop, removing it by force", "instance", in.ID, "service", o.Labels.Service, "err", err,
					)
				}
			}
			return c.engine.RemoveContainer(gctx, o.ID)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var err error
	for _, o := range objects {
		switch o.Kind {
		case "network":
			err = errors.Join(err, c.engine.RemoveNetwork(ctx, o.ID))
		case "volume":
			err = errors.Join(err, c.engine.RemoveVolume(ctx, o.ID))
		case "files":
			err = errors.Join(err, c.engine.RemoveFiles(ctx, o.ID))
		}
	}
	return err
}
