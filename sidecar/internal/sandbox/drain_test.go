package sandbox_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// in counts sandboxes by state whose networks are of a pool.
func (w *world) in(pool netip.Prefix) map[whaley.SandboxState]int {
	w.t.Helper()
	all, err := w.db.Sandboxes(context.Background())
	w.try(err)
	states := map[whaley.SandboxState]int{}
	for _, sb := range all {
		if pool.Overlaps(sb.Subnet) {
			states[sb.State]++
		}
	}
	return states
}

func TestAnEarlierPoolIsDrained(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, 3)
	p := w.pool(newFaults(0, ""))
	earlier, now := netip.MustParsePrefix("10.188.0.0/24"), netip.MustParsePrefix("10.188.1.0/24")
	w.try(p.Fill(ctx, w))
	for _, id := range []string{"runs", "ends"} {
		w.instance(id)
		if sb, err := p.Take(ctx, id, shape); sb == nil || err != nil {
			t.Fatalf("%s gets %+v %v", id, sb, err)
		}
	}
	w.try(p.Fill(ctx, w))
	w.try(w.subnets.Move(now))
	w.stopped("ends")
	w.try(p.Free(ctx, "ends"))
	w.try(p.Fill(ctx, w))
	if got := w.in(earlier); len(got) != 1 || got[whaley.SandboxTaken] != 1 {
		t.Errorf("of the earlier pool there are %v, and one instance runs", got)
	}
	if got := w.in(now); got[whaley.SandboxReady] != 3 {
		t.Errorf("of the pool there are %v", got)
	}
	if sb, err := p.Take(ctx, "next", shape); err != nil || sb != nil && !now.Overlaps(sb.Subnet) {
		t.Errorf("the next instance gets %+v %v", sb, err)
	}
	w.stopped("runs")
	w.try(p.Free(ctx, "runs"))
	w.try(p.Fill(ctx, w))
	if got := w.in(earlier); len(got) != 0 {
		t.Errorf("of the earlier pool there are %v, and nothing runs", got)
	}
}
