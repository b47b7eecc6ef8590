package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lives checks which instances count for a stretch of time up to now. All times are those of no other test.
func lives(t *testing.T, s *store.Store) {
	ctx := context.Background()
	since := time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return since.Add(time.Duration(minutes) * time.Minute) }
	want := map[time.Time]bool{at(-3): true, at(-4): true, at(1): true, at(-5): false}
	for _, in := range []struct {
		state              whaley.State
		created, began, to time.Time
	}{
		{whaley.Running, at(-3), at(-2), time.Time{}},
		{whaley.Stopped, at(-4), at(-3), at(1)},
		{whaley.Failed, at(1), time.Time{}, at(2)},
		{whaley.Stopped, at(-5), at(-4), at(-1)}, // over before
	} {
		row := fresh(owner(), "lives")
		ev := event(row, "instance_spawn")
		row.State, row.CreatedAt, row.StartedAt, row.EndedAt = in.state, in.created, in.began, in.to
		if err := s.Insert(ctx, row, whaley.Quota{}, ev); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Lives(ctx, since)
	if err != nil {
		t.Fatal(err)
	}
	for created, wanted := range want {
		if got := slices.ContainsFunc(all, func(l whaley.Life) bool { return l.CreatedAt.Equal(created) }); got != wanted {
			t.Errorf("the one of %s is there: %v, want %v", created, got, wanted)
		}
	}
}
