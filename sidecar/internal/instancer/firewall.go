package instancer

import (
	"context"
	"net/netip"
)

// noFirewall is for those who have none.
type noFirewall struct{}

func (noFirewall) Allow(context.Context, netip.Prefix) error  { return nil }
func (noFirewall) Forbid(context.Context, netip.Prefix) error { return nil }
func (noFirewall) Sync(context.Context, func(context.Context) ([]netip.Prefix, error)) error {
	return nil
}
