package containers

import (
	"context"
	"errors"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// shape is that of a challenge's instances, or false if they cannot use a sandbox: it has one network, and a port
// that the engine publishes belongs to the container that has the network, but is known only when an instance is made.
func (c *Platform) shape(ch *whaley.Challenge) (whaley.Shape, bool) {
	ports := slices.ContainsFunc(ch.Routes, c.hasPort)
	if len(ch.Networks) > 0 || ports && c.portMap == nil {
		return whaley.Shape{}, false
	}
	s := whaley.Shape{Egress: ch.Egress, Ports: ports}
	for _, service := range ch.Services {
		if service.Relay {
			continue // its names are an instance's, so it has a place of its own
		}
		seat := whaley.Seat{Name: service.Name, Hostname: service.Hostname}
		if service.Shares != "" || service.Offline {
			return whaley.Shape{}, false
		}
		if len(service.Joins) > 1 || service.Domain != "" || service.Runtime != "" { // the holder has the engine's own runtime
			return whaley.Shape{}, false
		}
		if len(service.Joins) == 1 {
			seat.Aliases = service.Joins[0].Aliases
		}
		s.Services = append(s.Services, seat)
	}
	return s, true
}

// inSandbox makes what an instance consists of, until that is ready or the sandbox is lost. The containers would run on
// without a network and never get ready.
func (s *start) inSandbox(ctx context.Context) (lost bool, err error) {
	ctx, lose := context.WithCancel(ctx)
	defer lose()
	s.mu.Lock()
	s.lose[s.in.ID] = lose
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.lose, s.in.ID)
		s.mu.Unlock()
	}()
	err = s.assemble(ctx)
	if lost = ctx.Err() != nil; lost && err == nil {
		err = errors.New("it lost its sandbox")
	}
	return lost, err
}

// giveUpSandbox has an instance that is being started go on without its sandbox. It says whether there is such a one.
func (c *Platform) giveUpSandbox(instance string) bool {
	c.mu.Lock()
	lose := c.lose[instance]
	c.mu.Unlock()
	if lose != nil {
		lose()
	}
	return lose != nil
}

// Rules are what a platform has to know of the instances, and whom it tells what they lose.
type Rules interface {
	// Idle says whether no start is under way.
	Idle() bool
	// Lost says that an instance that may run has lost its network.
	Lost(ctx context.Context, instance string)
}

// Demand is what the pool of sandboxes goes by, and whom it tells of those that break.
type Demand struct {
	Rules
	platform   *Platform
	challenges func() []*whaley.Challenge
}

// Demand is that of the challenges that can be started.
func (c *Platform) Demand(rules Rules, challenges func() []*whaley.Challenge) Demand {
	return Demand{rules, c, challenges}
}

// Shapes are those of all challenges that can have a sandbox.
func (d Demand) Shapes() []whaley.Shape {
	var all []whaley.Shape
	for _, ch := range d.challenges() {
		if s, ok := d.platform.shape(ch); ok {
			all = append(all, s)
		}
	}
	return all
}

// NetworkLost has an instance go on without its sandbox if it is being started, and ended if it runs.
func (d Demand) NetworkLost(ctx context.Context, instance string) {
	if !d.platform.giveUpSandbox(instance) {
		d.Lost(ctx, instance)
	}
}
