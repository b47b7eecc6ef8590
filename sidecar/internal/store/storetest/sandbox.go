package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// sandboxes checks the rows of networks that are ready before anybody asks, with two sidecars at them.
func sandboxes(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	find := func(id string) *whaley.Sandbox {
		t.Helper()
		all, err := other.Sandboxes(ctx)
		try(err)
		if n := slices.IndexFunc(all, func(sb *whaley.Sandbox) bool { return sb.ID == id }); n >= 0 {
			return all[n]
		}
		return nil
	}
	moved := func(s *store.Store, sb *whaley.Sandbox, to whaley.SandboxState, want bool) {
		t.Helper()
		if got, err := s.MoveSandbox(ctx, sb, to); err != nil || got != want {
			t.Fatalf("from %s to %s: %t %v, want %t", sb.State, to, got, err, want)
		}
	}
	shape := whaley.Shape{
		Egress: true, Services: []whaley.Seat{{Name: "db"}, {Name: owner(), Hostname: "www", Aliases: []string{"front"}}},
	}
	var ids []string
	for n := range 3 {
		sb := &whaley.Sandbox{ID: fmt.Sprint(whaley.SandboxPrefix, owner()), Shape: shape, State: whaley.SandboxMaking}
		ids = append(ids, sb.ID)
		try(s.AddSandbox(ctx, sb))
		if got := find(sb.ID); !cmp.Equal(
			got, sb, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreFields(whaley.Sandbox{}, "Age"),
		) ||
			got.Age < 0 || got.Age > time.Minute {
			t.Fatalf("written %+v, read %+v", sb, got)
		}
		if n == 0 {
			if got, err := s.TakeSandbox(ctx, "too early", shape); err != nil || got != nil {
				t.Fatalf("one that is being made: %+v %v", got, err)
			}
		}
		sb.Subnet = netip.MustParsePrefix(fmt.Sprintf("10.240.7.%d/28", 16*n))
		moved(s, sb, whaley.SandboxReady, true)
		moved(other, sb, whaley.SandboxReady, false) // its state is another by now
		if got := find(sb.ID); got.State != whaley.SandboxReady || got.Subnet != sb.Subnet {
			t.Fatalf("%+v", got)
		}
		sb.State = whaley.SandboxReady
		if n > 0 {
			moved(other, sb, whaley.SandboxGone, true)
			sb.State = whaley.SandboxGone
			moved(s, sb, whaley.SandboxReady, true)
		}
	}

	if got, err := s.TakeSandbox(ctx, "a", whaley.Shape{Services: shape.Services}); err != nil || got != nil {
		t.Errorf("one of another shape: %+v %v", got, err)
	}
	var mu sync.Mutex
	takers := map[string][]string{} // sandbox → instances
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			instance := fmt.Sprint(ids[0], "-taker-", n)
			var first *whaley.Sandbox
			for again := range 2 { // the second sidecar goes on with what the first began
				sb, err := []*store.Store{s, other}[again].TakeSandbox(ctx, instance, shape)
				if err != nil {
					t.Error(err)
					return
				}
				if again == 1 && (first == nil) != (sb == nil) || first != nil && sb != nil && first.ID != sb.ID {
					t.Errorf("%s got %+v, then %+v", instance, first, sb)
				}
				first = sb
			}
			if first != nil {
				mu.Lock()
				defer mu.Unlock()
				takers[first.ID] = append(takers[first.ID], instance)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if len(takers[id]) != 1 {
			t.Fatalf("three sandboxes and eight instances: %v", takers)
		}
		instance := takers[id][0]
		if got := find(id); got.State != whaley.SandboxTaken || got.Instance != instance {
			t.Errorf("%s is %+v", id, got)
		}
		for n := range 2 {
			had, err := other.FreeSandbox(ctx, instance, whaley.SandboxUsed)
			if try(err); had != (n == 0) {
				t.Errorf("freed for the %d. time: %t", n+1, had)
			}
		}
		if got := find(id); got.State != whaley.SandboxUsed || got.Instance != "" {
			t.Errorf("%s is %+v", id, got)
		}
		for range 2 {
			try(s.DropSandbox(ctx, id))
		}
		if got := find(id); got != nil {
			t.Errorf("forgotten, and there: %+v", got)
		}
	}
}
