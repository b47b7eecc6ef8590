package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// waiting checks the rows of instances that were made ahead, with two sidecars at them.
func waiting(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	form := owner()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	find := func(id string) *whaley.Waiting {
		t.Helper()
		all, err := other.Waiting(ctx)
		must(err)
		if n := slices.IndexFunc(all, func(w *whaley.Waiting) bool { return w.ID == id }); n >= 0 {
			return all[n]
		}
		return nil
	}
	claim := func(s *store.Store, form string, q whaley.Quota) (*whaley.Instance, bool, error) {
		in := fresh(owner(), "web")
		claimed, err := s.InsertClaiming(ctx, in, whaley.Forms{Gated: form}, q, event(in, "instance_spawn"))
		return in, claimed != nil, err
	}
	var ids []string
	for n := range 3 {
		w := &whaley.Waiting{
			ID: fmt.Sprintf("web-%s-%d", form, n), Challenge: "web", Revision: "r", Form: form, State: whaley.WaitingMaking,
			Services: 2, Egress: true,
		}
		ids = append(ids, w.ID)
		must(s.AddWaiting(ctx, w))
		if n == 0 {
			if in, claimed, err := claim(s, form, whaley.Quota{}); err != nil || claimed || in.State != whaley.Queued {
				t.Fatalf("one that is being made: %+v %t %v", in, claimed, err)
			}
		}
		w.Subnet = netip.MustParsePrefix(fmt.Sprintf("10.240.8.%d/28", 16*n))
		w.Addresses = map[string]netip.Addr{"web": w.Subnet.Addr().Next().Next()}
		for want := range 2 { // the second time its state is another by now
			if moved, err := []*store.Store{other, s}[want].MoveWaiting(ctx, w, whaley.WaitingReady); err != nil || moved != (want == 0) {
				t.Fatalf("made ready for the %d. time: %t %v", want+1, moved, err)
			}
		}
		w.State = whaley.WaitingReady
		got := find(w.ID)
		if diff := cmp.Diff(
			w, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.IgnoreFields(whaley.Waiting{}, "Age"),
		); diff != "" {
			t.Fatalf("(-written +read)\n%s", diff)
		}
	}
	if in, claimed, err := claim(s, "another form", whaley.Quota{}); err != nil || claimed || in.State != whaley.Queued {
		t.Errorf("of another form: %+v %t %v", in, claimed, err)
	}
	left, err := s.Waiting(ctx)
	must(err)
	left = slices.DeleteFunc(left, func(w *whaley.Waiting) bool { return w.Form != form })
	if _, claimed, err := claim(s, form, whaley.Quota{Total: 1}); whaley.CodeOf(err) != whaley.CodeHostFull || claimed {
		t.Errorf("although the host is full: %t %v", claimed, err)
	}
	if now, _ := s.Waiting(ctx); len(slices.DeleteFunc(now, func(w *whaley.Waiting) bool { return w.Form != form })) != len(left) {
		t.Error("a refused start has taken one")
	}
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			in, claimed, err := claim([]*store.Store{s, other}[n%2], form, whaley.Quota{})
			if err != nil {
				t.Error(err)
			}
			if claimed {
				mu.Lock()
				defer mu.Unlock()
				got[in.ID]++
			}
			if row, err := s.Get(ctx, in.ID); err != nil || (row.State == whaley.Starting) != claimed || claimed && !row.Addresses["web"].IsValid() {
				t.Errorf("its row is %+v: %v", row, err)
			}
		})
	}
	all.Wait()
	for _, w := range left {
		if got[w.ID] != 1 || find(w.ID) != nil {
			t.Errorf("%s has been claimed %d times, and waits: %+v", w.ID, got[w.ID], find(w.ID))
		}
		if moved, err := s.MoveWaiting(ctx, w, whaley.WaitingGone); err != nil || moved {
			t.Errorf("what was claimed is given up: %t %v", moved, err)
		}
	}
	if len(got) != len(left) || len(left) == 0 {
		t.Errorf("%d waited and %d were claimed", len(left), len(got))
	}
	must(s.AddWaiting(ctx, &whaley.Waiting{ID: ids[0], Form: form}))
	for range 2 {
		must(s.DropWaiting(ctx, ids[0]))
	}
	if find(ids[0]) != nil {
		t.Error("forgotten, and there")
	}
}
