package containers

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// gated says whether a service's container begins at a gate, and is told there what it is. Where the guest cannot put
// the flag in, it is put in before the container is started, as without the guest.
func (s *start) gated(service instancer.PlannedService) (bool, error) {
	if !s.guest || s.engine.CanWait(&service.Service) != nil {
		return false, nil
	}
	return s.engine.CanPatch(s.plan.Challenge, &service.Service, s.patched(service))
}

// patched is where the guest puts the flags; nil: nowhere, as there are none, or what its root has of them are copies.
func (c *start) patched(service instancer.PlannedService) *whaley.ImageFlag {
	if service.ReadOnly {
		return nil
	}
	return service.Flag
}

// tell says what a container at its gate is to be.
func (s *start) tell(ctx context.Context, service instancer.PlannedService) error {
	return s.engine.Tell(ctx, s.in.ID, s.plan.Challenge, &service.Service, s.patched(service), s.plan.Flags)
}
