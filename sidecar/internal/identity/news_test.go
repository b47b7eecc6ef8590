package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestNewsFromCTFdItselfCountAtOnce: without a question, and so before CTFd's own API tells them.
func TestNewsFromCTFdItselfCountAtOnce(t *testing.T) {
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh = time.Minute
	e.restart()
	ctx := context.Background()
	p, err := e.players.ByAccount(ctx, e.alice)
	if err != nil {
		t.Fatal(err)
	}
	team, _ := whaley.TeamOf(p.Owner.ID)
	before := e.ctfd.Requests()
	wants := func(what, code, owner string) {
		t.Helper()
		now, err := e.players.ByAccount(ctx, e.alice)
		if whaley.CodeOf(err) != code || now.Owner.Name != owner {
			t.Errorf("%s: %q %+v", what, whaley.CodeOf(err), now)
		}
	}
	e.players.ToldOfTeam(whaley.Team{ID: team, Name: "renamed"}, false)
	wants("renamed", "", "renamed")
	e.players.ToldOfAccount(whaley.Account{ID: e.alice, Name: "alice", Team: team, Banned: true}, false)
	wants("banned", "player_banned", "")
	e.players.ToldOfAccount(whaley.Account{ID: e.alice, Name: "alice"}, false)
	wants("taken out of the team", "team_required", "")
	e.players.ToldOfAccount(whaley.Account{ID: e.alice, Name: "alice", Team: team}, false)
	e.players.ToldOfTeam(whaley.Team{ID: team, Name: "renamed", Banned: true}, false)
	wants("the team is banned", "team_banned", "")
	if asked := e.ctfd.Requests() - before; asked != 0 {
		t.Errorf("CTFd was asked %d times", asked)
	}
}
