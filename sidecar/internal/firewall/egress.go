package firewall

import (
	"context"
	"net/netip"

	"github.com/google/nftables"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var _ instancer.Firewall = (*Table)(nil)

// Allow lets a subnet reach the world; twice is no error.
func (t *Table) Allow(_ context.Context, subnet netip.Prefix) error {
	return t.change(subnet, true)
}

// Forbid ends that; none is no error.
func (t *Table) Forbid(_ context.Context, subnet netip.Prefix) error {
	return t.change(subnet, false)
}

func (t *Table) change(subnet netip.Prefix, allow bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if subnet = subnet.Masked(); t.egress[subnet] == allow {
		return nil
	}
	if allow {
		t.egress[subnet] = true
	} else {
		delete(t.egress, subnet)
	}
	if t.state != nil {
		return nil // put sets it with the rest, once that is possible
	}
	c, err := nftables.New()
	if err != nil {
		return err
	}
	set, one := t.set(t.table()), elements([]netip.Prefix{subnet})
	if allow {
		err = c.SetAddElements(set, one)
	} else {
		err = c.SetDeleteElements(set, one)
	}
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return t.put() // somebody has flushed the set or the table
	}
	return nil
}

// Sync makes the set hold exactly what list returns. No Allow or Forbid of this process is between the list and the
// set; what another sidecar allows in this moment it puts back itself.
func (t *Table) Sync(ctx context.Context, list func(context.Context) ([]netip.Prefix, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted, err := list(ctx)
	if err != nil {
		return err
	}
	t.egress = map[netip.Prefix]bool{}
	for _, p := range wanted {
		t.egress[p.Masked()] = true
	}
	if t.compare() != nil || t.fill(true) != nil {
		_ = t.put() // State tells of it, and Run goes on trying
	}
	return nil
}
