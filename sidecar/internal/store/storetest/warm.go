package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// warm checks who gets instances that run ahead of their owners, and that their flags go with them.
func warm(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	challenge := owner() // no other test's
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(n int, form string, is bool) *whaley.Waiting {
		t.Helper()
		w := &whaley.Waiting{
			ID: fmt.Sprintf("%s-%s-%d", challenge, form, n), Challenge: challenge, Revision: "r", Form: challenge + form,
			State: whaley.WaitingMaking, Services: 1, Warm: is,
		}
		if is {
			for _, part := range []string{"", "second"} {
				f := freshFlag("", challenge)
				f.Part = part
				w.Flags = append(w.Flags, f)
			}
		}
		must(s.AddWaiting(ctx, w))
		if moved, err := other.MoveWaiting(ctx, w, whaley.WaitingReady); err != nil || !moved {
			t.Fatalf("made ready: %t %v", moved, err)
		}
		return w
	}
	forms := whaley.Forms{Warm: challenge + "warm", Gated: challenge + "gated"}
	claim := func(s *store.Store, who string, q whaley.Quota) (*whaley.Instance, *whaley.Waiting, error) {
		in := fresh(who, challenge)
		claimed, err := s.InsertClaiming(ctx, in, forms, q, event(in, "instance_spawn"))
		return in, claimed, err
	}
	flagsOf := func(who string) (values []string) {
		t.Helper()
		all, err := other.CurrentFlags(ctx, who, challenge)
		must(err)
		for _, f := range all {
			values = append(values, f.Part+"="+f.Value)
		}
		slices.Sort(values)
		return values
	}
	valuesOf := func(w *whaley.Waiting) []string {
		all := []string{"=" + w.Flags[0].Value, "second=" + w.Flags[1].Value}
		slices.Sort(all)
		return all
	}

	first, gated := add(0, "warm", true), add(0, "gated", false)
	full, none := owner(), []string(nil)
	if _, _, err := claim(s, full, whaley.Quota{Total: 1}); whaley.CodeOf(err) != whaley.CodeHostFull {
		t.Errorf("although the host is full: %v", err)
	}
	if got := flagsOf(full); !slices.Equal(got, none) {
		t.Errorf("who was refused has %v", got)
	}
	has := owner()
	_, err := s.IssueFlag(ctx, freshFlag(has, challenge), event(fresh(has, challenge), "flag_created"))
	must(err)
	if in, claimed, err := claim(s, has, whaley.Quota{}); err != nil || claimed == nil || claimed.Warm || in.ID != gated.ID {
		t.Errorf("who has a flag gets %+v: %v", claimed, err)
	}
	if got := flagsOf(has); len(got) != 1 {
		t.Errorf("who has a flag has %v now", got)
	}
	who := owner()
	in, claimed, err := claim(s, who, whaley.Quota{})
	if err != nil || claimed == nil || !claimed.Warm || in.ID != first.ID || in.State != whaley.Starting {
		t.Fatalf("who has none gets %+v, %+v: %v", in, claimed, err)
	}
	if got, want := flagsOf(who), valuesOf(first); !slices.Equal(got, want) {
		t.Errorf("with it come %v of %v", got, want)
	}
	if _, claimed, err := claim(s, owner(), whaley.Quota{}); err != nil || claimed != nil {
		t.Errorf("when nothing is left: %+v %v", claimed, err)
	}

	// Many at once, half of whom are given a flag by somebody else at the same moment.
	want := map[string]*whaley.Waiting{}
	for n := range 5 {
		w := add(n+1, "warm", true)
		want[w.ID] = w
	}
	var mu sync.Mutex
	got := map[string]string{} // instance → owner
	var all sync.WaitGroup
	for n := range 10 {
		who := owner()
		if n%2 == 0 {
			all.Go(func() {
				f := freshFlag(who, challenge)
				if _, err := s.IssueFlag(ctx, f, event(fresh(who, challenge), "flag_created")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Go(func() {
			in, claimed, err := claim([]*store.Store{s, other}[n%2], who, whaley.Quota{})
			if err != nil {
				t.Error(err)
			}
			if claimed == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if before := got[in.ID]; before != "" {
				t.Errorf("%s is %s's and %s's", in.ID, before, who)
			}
			got[in.ID] = who
		})
	}
	all.Wait()
	for id, who := range got {
		if have := flagsOf(who); !slices.Equal(have, valuesOf(want[id])) {
			t.Errorf("%s of %s has the flags %v, its owner %v", id, who, valuesOf(want[id]), have)
		}
	}
	left, err := s.Waiting(ctx)
	must(err)
	left = slices.DeleteFunc(left, func(w *whaley.Waiting) bool { return w.Challenge != challenge })
	if len(got)+len(left) != len(want) || len(got) == 0 {
		t.Errorf("%d were claimed and %d are left of %d", len(got), len(left), len(want))
	}
	for _, w := range left {
		if !slices.Equal(valuesOf(w), valuesOf(want[w.ID])) {
			t.Errorf("what is left has other flags: %+v", w)
		}
	}
}
