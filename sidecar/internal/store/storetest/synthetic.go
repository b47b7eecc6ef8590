package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// noPlayers has solvers, rehearsals and trials beside one player: all that players and organisers count or are told is
// of the player only, and what ended is forgotten without a trace.
func noPlayers(t *testing.T, s, other *store.Store) {
	ctx, challenge := context.Background(), owner()
	before, err := s.EventStats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	player := running(t, s, owner(), challenge)
	none := []*whaley.Instance{
		running(t, s, whaley.SolverOwner("1").ID, challenge), running(t, s, whaley.TrialOwner("1").ID, challenge),
		running(t, s, whaley.RehearsalTeam("1", 7).Owner.ID, challenge),
	}
	only := func(what string, owners []string, err error) {
		t.Helper()
		if err != nil || !slices.Equal(owners, []string{player.Owner.ID}) {
			t.Errorf("%s are of %v, want only the player's: %v", what, owners, err)
		}
	}

	rows, err := other.LiveRows(ctx)
	rows = slices.DeleteFunc(rows, func(r whaley.LiveRow) bool { return r.Challenge != challenge })
	only("what is counted", ownersOf(rows, func(r whaley.LiveRow) string { return r.Owner.ID }), err)
	page, _, err := other.Instances(ctx, whaley.InstanceQuery{Limit: 100, Challenge: challenge})
	only("listed instances", ownersOf(page, func(in *whaley.Instance) string { return in.Owner.ID }), err)
	events, err := other.FindEvents(ctx, whaley.EventQuery{Limit: 100, Challenge: challenge})
	only("events", ownersOf(events, func(ev whaley.Event) string { return ev.Owner }), err)
	history, err := other.History(ctx, challenge, nil)
	only("histories", ownersOf(history, func(r whaley.InstanceRecord) string { return r.Owner }), err)
	if counts, err := other.CountInstances(ctx, whaley.InstanceQuery{Challenge: challenge}); err != nil || counts[whaley.Running] != 1 {
		t.Errorf("by state %v %v", counts, err)
	}
	all, err := other.Owners(ctx, "", 1000)
	if err != nil || slices.ContainsFunc(all, func(o whaley.OwnerSummary) bool { return whaley.Synthetic(o.Owner.ID) }) {
		t.Errorf("owners %+v %v", all, err)
	}
	lives, err := other.Lives(ctx, player.CreatedAt.Add(-time.Second))
	ours := slices.DeleteFunc(lives, func(l whaley.Life) bool { return !l.CreatedAt.Equal(player.CreatedAt) })
	if err != nil || len(ours) != 1 {
		t.Errorf("%d lives, want the player's: %v", len(ours), err)
	}
	if after, err := other.EventStats(ctx); err != nil || after.Total != before.Total+1 || after.Owners != before.Owners+1 {
		t.Errorf("events are %+v, were %+v: %v", after, before, err)
	}
	forgotten(t, s, other, none)
}

func ownersOf[T any](all []T, owner func(T) string) (owners []string) {
	for _, one := range all {
		owners = append(owners, owner(one))
	}
	return owners
}

// running is an instance that runs.
func running(t *testing.T, s *store.Store, who, challenge string) *whaley.Instance {
	t.Helper()
	in := fresh(who, challenge)
	in.State, in.StartedAt = whaley.Running, in.CreatedAt
	if err := s.Insert(context.Background(), in, whaley.Quota{}, event(in, "instance_spawn")); err != nil {
		t.Fatal(err)
	}
	return in
}

// forgotten ends instances of no players: what was known of them is gone then, and not before.
func forgotten(t *testing.T, s, other *store.Store, none []*whaley.Instance) {
	t.Helper()
	ctx := context.Background()
	mine := func() (n int) {
		live, err := other.SyntheticLive(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range live {
			if slices.ContainsFunc(none, func(one *whaley.Instance) bool { return one.ID == in.ID }) {
				n++
			}
		}
		return n
	}
	if err := s.ForgetSynthetic(ctx); err != nil || mine() != len(none) {
		t.Errorf("%d of %d are left that live: %v", mine(), len(none), err)
	}
	team, err := other.SyntheticLive(ctx, whaley.RehearsalTeams("1"))
	if err != nil || len(team) != 1 || team[0].ID != none[2].ID {
		t.Errorf("of one rehearsal: %+v %v", team, err)
	}
	for _, in := range none {
		if err := s.Contacted(ctx, map[string]time.Time{in.ID: in.CreatedAt}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Update(ctx, in.ID, []whaley.State{whaley.Running}, func(in *whaley.Instance) {
			in.State, in.EndedAt = whaley.Stopped, in.CreatedAt
		}, event(in, "instance_stopped"))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ForgetSynthetic(ctx); err != nil {
		t.Fatal(err)
	}
	for _, in := range none {
		if _, err := other.Get(ctx, in.ID); whaley.CodeOf(err) != whaley.CodeInstanceNotFound {
			t.Errorf("%s is still known: %v", in.ID, err)
		}
		again := fresh(in.Owner.ID, in.Challenge)
		again.ID, again.State = in.ID, whaley.Stopped // what was written of its first request would be there again
		if err := s.Insert(ctx, again, whaley.Quota{}, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		history, err := other.History(ctx, in.Challenge, []string{in.Owner.ID})
		if err != nil || len(history) != 1 || history[0].ContactAt != nil {
			t.Errorf("left of its requests: %+v %v", history, err)
		}
	}
	if err := s.ForgetSynthetic(ctx); err != nil {
		t.Error(err)
	}
}
