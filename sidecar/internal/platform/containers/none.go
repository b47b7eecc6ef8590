package containers

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// noFirewall is for those who have none.
type noFirewall struct{}

func (noFirewall) Allow(context.Context, netip.Prefix) error  { return nil }
func (noFirewall) Forbid(context.Context, netip.Prefix) error { return nil }
func (noFirewall) Sync(context.Context, func(context.Context) ([]netip.Prefix, error)) error {
	return nil
}

// noSandboxes is for those who have none.
type noSandboxes struct{}

func (noSandboxes) Take(context.Context, string, whaley.Shape) (*whaley.Sandbox, error) {
	return nil, nil
}
func (noSandboxes) Free(context.Context, string) error          { return nil }
func (noSandboxes) Whole(context.Context, string) (bool, error) { return true, nil }
func (noSandboxes) Discard(context.Context, string) error       { return nil }
