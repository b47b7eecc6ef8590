package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// foundByTerm has instances with and without terms that few have.
func foundByTerm(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	add := func(change func(in *whaley.Instance)) string {
		in := fresh(owner(), "web")
		in.State = whaley.Running
		change(in)
		if err := s.Insert(ctx, in, whaley.Quota{}, event(in, "instance_spawn")); err != nil {
			t.Fatal(err)
		}
		return in.ID
	}
	plain := add(func(*whaley.Instance) {})
	idle := add(func(in *whaley.Instance) { in.Terms.Idle = time.Minute })
	solved := add(func(in *whaley.Instance) { in.Terms.StopOnSolve = time.Minute })
	both := add(func(in *whaley.Instance) { in.Terms.Idle, in.Terms.StopOnSolve = time.Second, time.Second })
	over := add(func(in *whaley.Instance) { in.Terms.Idle = time.Minute })
	if _, err := s.Update(ctx, over, []whaley.State{whaley.Running}, func(in *whaley.Instance) {
		in.State = whaley.Stopped
	}, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	for term, want := range map[whaley.Term][]string{whaley.TermIdle: {idle, both}, whaley.TermStopOnSolve: {solved, both}} {
		all, err := other.LiveWith(ctx, term)
		var found []string
		for _, in := range all {
			if slices.Contains([]string{plain, idle, solved, both, over}, in.ID) {
				found = append(found, in.ID)
			}
		}
		slices.Sort(found)
		slices.Sort(want)
		if err != nil || !slices.Equal(found, want) {
			t.Errorf("with %s: %v, want %v: %v", term, found, want, err)
		}
		for _, in := range all {
			if in.ID == both && (in.Terms.Idle != time.Second || in.Addresses != nil || in.Slug == "") {
				t.Errorf("read as %+v", in)
			}
		}
	}
}

// sleeps checks that an instance that sleeps holds its place and no memory, which it takes back when it is woken.
func sleeps(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	live, err := s.Live(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	q := whaley.Quota{Memory: 100}
	for _, in := range live {
		if in.State != whaley.Sleeping {
			q.Memory += in.Needs()
		}
	}
	become := func(in *whaley.Instance, from, to whaley.State) {
		t.Helper()
		if _, err := s.Update(ctx, in.ID, []whaley.State{from}, func(in *whaley.Instance) { in.State = to }, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	sleeper, next := fresh(owner(), "web"), fresh(owner(), "web")
	sleeper.Memory, next.Memory = 80, 80
	sleeper.State, sleeper.ExpiresAt = whaley.Running, time.Now().Add(-time.Second)
	sleeper.Sleep = &whaley.Sleep{Since: time.Now().UTC().Truncate(time.Second), Services: []string{"web"}}
	if err := s.Insert(ctx, sleeper, q, event(sleeper, "instance_spawn")); err != nil {
		t.Fatal(err)
	}
	if err := s.Insert(ctx, next, q, event(next, "instance_spawn")); whaley.CodeOf(err) != whaley.CodeHostFull {
		t.Errorf("beside one that runs: %v", err)
	}
	become(sleeper, whaley.Running, whaley.Sleeping)
	if err := s.Insert(ctx, next, q, event(next, "instance_spawn")); err != nil {
		t.Errorf("beside one that sleeps: %v", err)
	}
	again := fresh(sleeper.Owner.ID, "web")
	if err := s.Insert(ctx, again, whaley.Quota{}, event(again, "instance_spawn")); whaley.CodeOf(err) != whaley.CodeLiveInstance {
		t.Errorf("a second one of who has one that sleeps: %v", err)
	}
	if due, err := other.Due(ctx, time.Now()); err != nil || !slices.Contains(due, sleeper.ID) {
		t.Errorf("its time is up, and due are %v: %v", due, err)
	}
	wake := func(in *whaley.Instance) { in.State = whaley.Starting }
	if _, err := other.Wake(ctx, sleeper.ID, q, wake, whaley.Event{}); whaley.CodeOf(err) != whaley.CodeHostFull {
		t.Errorf("woken without room: %v", err)
	}
	become(next, whaley.Queued, whaley.Stopped)
	woken, err := other.Wake(ctx, sleeper.ID, q, wake, event(sleeper, "instance_wake"))
	if err != nil || woken.State != whaley.Starting || cmp.Diff(woken.Sleep, sleeper.Sleep) != "" {
		t.Errorf("woken it is %+v: %v", woken, err)
	}
	if _, err := s.Wake(ctx, sleeper.ID, q, wake, whaley.Event{}); whaley.CodeOf(err) != whaley.CodeStateChanged {
		t.Errorf("woken twice: %v", err)
	}
	become(sleeper, whaley.Starting, whaley.Stopped)
}
