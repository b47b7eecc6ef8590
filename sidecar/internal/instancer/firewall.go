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

// mayLeave lists the subnets of instances that may reach the outside, from the moment their row says so.
func (i *Instancer) mayLeave(ctx context.Context) ([]netip.Prefix, error) {
	live, err := i.Store.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, in := range live {
		all = append(all, in.Outside()...)
	}
	return all, nil
}
