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

func sessions(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	now := time.Now().UTC().Truncate(time.Microsecond)
	id := owner()
	want := whaley.Session{
		ID: id, Kind: whaley.SessionPlayer, Account: 7, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Player: whaley.Player{
			ID: "user_7", Name: "Seven", Owner: whaley.Owner{ID: "team_1", Name: "Red"}, Address: "192.0.2.1", Session: id,
		},
	}
	if err := s.StartSession(ctx, want); err != nil {
		t.Fatal(err)
	}
	got, err := other.Session(ctx, id)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	want.Player.Name, want.Player.Owner = "Sept", whaley.Owner{ID: "team_2", Name: "Blue"}
	want.ExpiresAt = now.Add(2 * time.Hour)
	if err := other.RenewSession(ctx, id, want.Player, want.ExpiresAt); err != nil {
		t.Fatal(err)
	}
	got, err = s.Session(ctx, id)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("renewed: %v (-want +got)\n%s", err, diff)
	}
	over := want
	over.ID, over.ExpiresAt = owner(), now.Add(-time.Second)
	next := want
	next.ID = owner()
	for _, n := range []whaley.Session{over, next} {
		if err := s.StartSession(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	admin := next
	admin.ID, admin.Kind = owner(), whaley.SessionAdmin
	if err := s.StartSession(ctx, admin); err != nil {
		t.Fatal(err)
	}
	if owners, err := other.SignedInOwners(ctx); err != nil || !slices.Contains(owners, "team_2") ||
		slices.Contains(owners, "team_1") || slices.Contains(owners, "") {
		t.Errorf("owners: %v %v", owners, err)
	}
	ids := map[string]bool{}
	all, err := other.SignedIn(ctx, "team_2")
	for _, n := range all {
		ids[n.ID] = true
	}
	if err != nil || !ids[id] || !ids[next.ID] || ids[over.ID] || ids[admin.ID] {
		t.Errorf("signed in for an owner: %+v %v", all, err)
	}
	for range 2 {
		if err := other.EndSession(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for what, id := range map[string]string{"ended": id, "over, and another was started since": over.ID, "never": owner()} {
		if _, err := s.Session(ctx, id); whaley.CodeOf(err) != whaley.CodeSessionOver {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// manySessions has a player sign in again and again: the latest sign-ins count, and nobody else's end.
func manySessions(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	now := time.Now().UTC().Truncate(time.Microsecond)
	start := func(id, kind, player string, at time.Time) {
		t.Helper()
		if err := s.StartSession(ctx, whaley.Session{
			ID: id, Kind: kind, CreatedAt: at, ExpiresAt: now.Add(time.Hour), Player: whaley.Player{ID: player},
		}); err != nil {
			t.Fatal(err)
		}
	}
	greedy := owner()
	others := map[string]string{owner(): whaley.SessionPlayer, owner(): whaley.SessionAdmin}
	for id, kind := range others {
		player := owner()
		if kind == whaley.SessionAdmin {
			player = greedy
		}
		start(id, kind, player, now.Add(-time.Minute))
	}
	const most, many = 50, 120
	var all []string
	for n := range many {
		all = append(all, owner())
		start(all[n], whaley.SessionPlayer, greedy, now.Add(time.Duration(n)*time.Millisecond))
	}
	for n, id := range all {
		if _, err := other.Session(ctx, id); (err == nil) != (n >= many-most) {
			t.Errorf("sign-in %d of %d: %v", n, many, err)
		}
	}
	for id, kind := range others {
		if _, err := other.Session(ctx, id); err != nil {
			t.Errorf("a sign-in as %s of somebody else: %v", kind, err)
		}
	}
}
