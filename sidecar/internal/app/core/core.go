// Package core puts the rules together with the platform they stand on: the one way for what serves, for tests on an
// engine and for measurements.
package core

import (
	"context"
	"log/slog"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// Parts are what a core stands on.
type Parts struct {
	DB      *store.Store
	Pool    netip.Prefix      // of subnets, where Docker.Subnets is nil
	Ports   [2]int            // first and last, where Docker.Ports is nil
	Docker  containers.Needs  // of the platform, where Rules.Platform is nil
	Rules   instancer.Needs   // without a Store: DB; without a Router: routes in memory
	Options instancer.Options // of the rules
	Log     *slog.Logger
}

// Core is the rules and their platform. Make one with New; nothing is done before Start.
type Core struct {
	*instancer.Instancer
	Containers *containers.Platform // nil where Parts.Rules had a platform

	end   context.CancelFunc
	loops *errgroup.Group
}

// New puts a core together. Errors: *whaley.Error for a pool or a range of ports that cannot be used.
func New(p Parts) (*Core, error) {
	c := &Core{}
	p.Rules.Log = p.Log
	if p.Rules.Store == nil {
		p.Rules.Store = p.DB
	}
	if p.Rules.Router == nil {
		p.Rules.Router = edge.NewRoutes(p.Log)
	}
	if p.Rules.Platform == nil {
		var err error
		if c.Containers, err = onEngine(p); err != nil {
			return nil, err
		}
		p.Rules.Platform = c.Containers
	}
	c.Instancer = instancer.New(p.Rules, p.Options)
	return c, nil
}

func onEngine(p Parts) (*containers.Platform, error) {
	var err error
	if p.Docker.Subnets == nil {
		if p.Docker.Subnets, err = subnet.New(p.DB, p.Pool); err != nil {
			return nil, err
		}
	}
	if p.Docker.Ports == nil {
		if p.Docker.Ports, err = port.New(p.DB, p.Ports[0], p.Ports[1]); err != nil {
			return nil, err
		}
	}
	p.Docker.Log = p.Log
	return containers.New(p.Docker), nil
}

// Start has the rules work until ctx ends or Stop, and whatever else is to run as long; the first that fails ends all.
func (c *Core) Start(ctx context.Context, also ...func(context.Context) error) {
	ctx, c.end = context.WithCancel(ctx)
	c.loops, ctx = errgroup.WithContext(ctx)
	for _, run := range append(also, c.Run) {
		c.loops.Go(func() error { return run(ctx) })
	}
}

// Stop ends what Start began, waits for it and returns the first error. Instances go on running.
func (c *Core) Stop() error {
	c.end()
	return c.loops.Wait()
}
