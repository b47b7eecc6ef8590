//go:build !linux

package traffic

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Kernel is this machine's.
type Kernel struct{}

// Of knows nothing where the kernel is another's.
func (Kernel) Of(context.Context, map[string][]netip.Prefix) (map[string]whaley.Traffic, error) {
	return nil, nil
}
