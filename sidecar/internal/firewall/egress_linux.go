package firewall

import (
	"context"
	"net/netip"

	"github.com/google/nftables"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

var _ containers.Firewall = (*Table)(nil)

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
	if t.element(subnet, allow) == nil {
		return nil
	}
	// Somebody has flushed the set or the table. If that cannot be mended now, State tells of it and Run goes on trying:
	// without rules every instance runs all the same.
	_ = t.put()
	return nil
}

// element changes the set in the kernel, whatever was wrong before: an ended instance's part of the pool is not to stay
// open because of it.
func (t *Table) element(subnet netip.Prefix, there bool) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	set, one := t.set(t.table()), elements([]netip.Prefix{subnet})
	if there {
		err = c.SetAddElements(set, one)
	} else {
		err = c.SetDeleteElements(set, one)
	}
	if err != nil {
		return err
	}
	return c.Flush()
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
