package containers

import (
	"context"
	"errors"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// subnetTries is how many subnets a start tries before it gives up: others on this host may use parts of the pool.
const subnetTries = 5

// portTries is how many sets of ports it tries: somebody else may listen on one since it was reserved.
const portTries = 3

// start is one instance that is being made.
type start struct {
	*Platform
	in     *whaley.Instance
	plan   instancer.Plan
	steps  instancer.Steps
	old    leftovers
	pooled bool // a sandbox may be taken
	waits  bool // it is nobody's yet, see Prepare
	taken  *whaley.Sandbox
}

// Start makes an instance's networks and containers and has them run; see Platform.
func (c *Platform) Start(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	s := &start{Platform: c, in: in, plan: plan, steps: steps}
	if err := s.takeUp(ctx); err != nil {
		return err
	}
	s.pooled = len(s.old.networks) == 0
	return s.tries(ctx)
}

// tries makes it in one place after the other, until one is of use.
func (s *start) tries(ctx context.Context) error {
	for try := 1; ; try++ {
		if err := s.settle(ctx); err != nil {
			return err
		}
		lost, err := false, error(nil)
		if s.taken == nil {
			err = s.assemble(ctx)
		} else {
			lost, err = s.inSandbox(ctx)
		}
		s.old = leftovers{} // another try begins with nothing
		if err == nil {
			return nil
		}
		again, undone := s.again(ctx, try, lost, err)
		if undone != nil || !again {
			return errors.Join(undone, err)
		}
	}
}

// settle gives an instance its place, where what an earlier place had is of no use.
func (s *start) settle(ctx context.Context) error {
	was := s.in.Parts()
	if err := s.reserve(ctx); err != nil {
		return err
	}
	if s.old.any() && !slices.Equal(was, s.in.Parts()) {
		if err := s.leave(ctx, was); err != nil {
			return err
		}
		s.old = leftovers{}
	}
	if s.waits {
		return nil // nothing runs that could go out
	}
	return s.allow(ctx, s.in)
}

// allow lets an instance out, if it may.
func (c *Platform) allow(ctx context.Context, in *whaley.Instance) error {
	for _, subnet := range in.Outside() {
		if err := c.firewall.Allow(ctx, subnet); err != nil {
			return err
		}
	}
	return nil
}

// again undoes a try that another one may do better than, and says whether it is of that kind.
func (s *start) again(ctx context.Context, try int, lost bool, err error) (bool, error) {
	code := whaley.CodeOf(err)
	switch {
	case s.taken != nil && (lost || code == whaley.CodeObjectMissing || code == "") && ctx.Err() == nil:
		s.log.WarnContext(
			ctx, "sandbox is of no use, going on without", "instance", s.in.ID, "sandbox", s.taken.ID, "err", err,
		)
		s.pooled = false
		return s.undone(s.unplace(ctx), func() error { return s.sandboxes.Discard(ctx, s.in.ID) })
	case code == whaley.CodePortTaken && try < portTries:
		s.log.WarnContext(ctx, "port is taken, trying others", "instance", s.in.ID, "ports", s.in.Ports, "err", err)
		return s.undone(s.clear(ctx, s.in), func() error { return s.ports.Release(ctx, s.in.ID) })
	case code == whaley.CodeSubnetTaken && try < subnetTries:
		s.log.WarnContext(ctx, "subnet is taken, trying another", "instance", s.in.ID, "subnet", s.in.Subnet, "err", err)
		taken := s.in.Parts() // which of several it was is not known
		return s.undone(s.unplace(ctx), func() error {
			for _, p := range taken {
				if err := s.subnets.Avoid(ctx, s.in.ID, p.Subnet); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return false, nil
}

// undone is what again answers once everything was removed and then given back.
func (s *start) undone(removed error, giveBack func() error) (bool, error) {
	if removed != nil {
		return false, removed
	}
	err := giveBack()
	return err == nil, err
}
