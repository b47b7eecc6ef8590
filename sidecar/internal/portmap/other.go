//go:build !linux

package portmap

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

var errLinux = errors.New("ports are led to services by an nftables table, which only Linux has; the engine publishes them")

var _ containers.PortMap = (*Table)(nil)

// Table cannot be set on this system.
type Table struct{}

// New makes one that leads nowhere.
func New(string, *slog.Logger) *Table { return &Table{} }

// Put fails.
func (*Table) Put(int) error { return errLinux }

// Usable fails.
func (*Table) Usable() error { return errLinux }

// Open fails.
func (*Table) Open(context.Context, []containers.Forward) error { return errLinux }

// Close fails.
func (*Table) Close(context.Context, []containers.Forward) error { return errLinux }

// Sync fails.
func (*Table) Sync(context.Context, func(context.Context) ([]containers.Forward, error)) error {
	return errLinux
}

// Know has no set to change.
func (*Table) Know([]int) {}

// KnowAlso has no set to change.
func (*Table) KnowAlso(int) {}

// State says that there is no map here.
func (*Table) State() error { return errLinux }

// Run waits until ctx ends.
func (*Table) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Remove has nothing to take away.
func (*Table) Remove() error { return nil }

// Meant fails.
func Meant(syscall.Conn, net.Addr) (netip.AddrPort, error) { return netip.AddrPort{}, errLinux }
