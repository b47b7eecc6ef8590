//go:build !linux

package subnet

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
)

// kernelNeeds fails: addresses and routes are asked for by netlink, and the engine runs in a virtual machine with its
// own.
func kernelNeeds(string) ([]Need, error) {
	return nil, errors.New(
		"addresses and routes of this host are known on Linux only: set SUBNET_POOL to networks that it does not use",
	)
}

// Changes gives no hints on this system.
func Changes(context.Context, string, *slog.Logger) <-chan struct{} { return nil }

// Scope is what a guard goes by; a Chooser knows it.
type Scope interface {
	Used() []netip.Prefix
	Needed(network netip.Prefix) bool
}

// Guard sets no routes on this system: networks of instances are in the engine's virtual machine.
type Guard struct{}

// NewGuard makes one that covers nothing.
func NewGuard(Store, Scope, *slog.Logger) *Guard { return nil }

// Hold covers nothing.
func (*Guard) Hold(netip.Prefix) {}

// Let covers nothing.
func (*Guard) Let(netip.Prefix) {}

// Run waits until ctx ends.
func (*Guard) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// hostNetworks cannot be known here.
func hostNetworks() ([]netip.Prefix, error) { return nil, nil }
