package simulated

import (
	"context"
	"errors"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// CanWait refuses what the real engine does for its first program.
func (e *Engine) CanWait(svc *whaley.Service) error {
	if svc.Init || svc.Relay || svc.Runtime != "" {
		return errors.New("something else is its first program")
	}
	return nil
}

// CanPatch says that all files can be patched.
func (e *Engine) CanPatch(*whaley.Challenge, *whaley.Service, *whaley.ImageFlag) (bool, error) {
	return true, nil
}

// Tell says what a container at its gate is, which it begins with once it is started again.
func (e *Engine) Tell(
	_ context.Context, instance string, _ *whaley.Challenge, svc *whaley.Service, _ *whaley.ImageFlag, _ []string,
) error {
	defer e.lock()()
	for _, o := range e.world.objects {
		if o.Kind == "container" && o.Labels.Instance == instance && o.Labels.Service == svc.Name && o.spec.Gated {
			o.told, o.spec.Service = true, *svc
			return nil
		}
	}
	return missing()
}
