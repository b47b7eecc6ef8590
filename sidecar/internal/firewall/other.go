//go:build !linux

package firewall

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

var errLinux = errors.New("the firewall is an nftables table, which only Linux has; FIREWALL=off goes without")

var _ containers.Firewall = (*Table)(nil)

// Table cannot be set on this system; every method that would set it says so.
type Table struct{}

// New makes one that holds nothing.
func New(string, []netip.Prefix, int, *slog.Logger) *Table { return &Table{} }

// Put fails.
func (*Table) Put() error { return errLinux }

// SetPools has no rules to change.
func (*Table) SetPools([]netip.Prefix) {}

// Holds is false.
func (*Table) Holds() bool { return false }

// State says that there is no firewall here.
func (*Table) State() error { return errLinux }

// Run waits until ctx ends.
func (*Table) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Remove has nothing to take away.
func (*Table) Remove() error { return nil }

// Allow has no rules to change.
func (*Table) Allow(context.Context, netip.Prefix) error { return nil }

// Forbid has no rules to change.
func (*Table) Forbid(context.Context, netip.Prefix) error { return nil }

// Sync fails.
func (*Table) Sync(context.Context, func(context.Context) ([]netip.Prefix, error)) error {
	return errLinux
}

// Builds cannot be fenced here.
type Builds struct{}

// NewBuilds makes nothing.
func NewBuilds(string) *Builds { return &Builds{} }

// Close fails.
func (*Builds) Close(string, []netip.Addr) error { return errLinux }

// Open has nothing to take away.
func (*Builds) Open() error { return nil }

// Bridges are in the virtual machine of the engine, if anywhere.
type Bridges struct{}

// NewBridges makes them.
func NewBridges(string, *slog.Logger) *Bridges { return &Bridges{} }

// Run waits until ctx ends.
func (*Bridges) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// openSockets cannot be known here: the canary runs in a container on Linux.
func openSockets() []string { return nil }

// Arrivals cannot be bounded here.
type Arrivals struct{}

// ArrivalsOptions say what is bounded.
type ArrivalsOptions struct {
	Ports      []uint16
	Rate, Most int
	Many       []netip.Prefix
}

// NewArrivals makes bounds that hold nobody.
func NewArrivals(string, ArrivalsOptions, *slog.Logger) *Arrivals { return &Arrivals{} }

// RateFor is no rate.
func RateFor(int) int { return 0 }

// Put fails.
func (*Arrivals) Put() error { return errLinux }

// State says that there are no bounds here.
func (*Arrivals) State() error { return errLinux }

// Run waits until ctx ends.
func (*Arrivals) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Remove has nothing to take away.
func (*Arrivals) Remove() error { return nil }
