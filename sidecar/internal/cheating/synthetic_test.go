package cheating_test

import (
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestWhoIsNoPlayerIsUnknownToTheScoreboard has solvers, trials and rehearsals beside a player: CTFd gets the player's
// flag only, and what looks like one of theirs is a wrong answer like any other, shared by no one.
func TestWhoIsNoPlayerIsUnknownToTheScoreboard(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	none := []whaley.Owner{
		whaley.SolverOwner("1"), whaley.TrialOwner("1"), whaley.RehearsalTeam("1", 0).Owner, whaley.RehearsalTeam("1", 1).Owner,
	}
	var theirs []string
	for _, owner := range none {
		theirs = append(theirs, w.Start(owner, owner.ID+"_player", "web", time.Hour))
	}
	players := w.Start(eventtest.User(1), whaley.UserID(1), "web", time.Hour)
	w.Run(w.Flags)
	w.Settled()
	if flags := w.CTFd.Flags(w.IDs["web"]); len(flags) != 1 || flags[0].Content != players {
		t.Errorf("CTFd has %+v, want only %s", flags, players)
	}
	if totals, err := w.Flags.Totals(w.Ctx); err != nil || totals.Current != 1 {
		t.Errorf("%+v are counted: %v", totals, err)
	}
	for _, value := range theirs {
		w.submit(thief, "web", value)
	}
	w.submit(1, "web", players)
	if got := w.check(true); len(got.Found) > 0 || got.Examined < len(theirs) {
		t.Errorf("shared: %+v", got)
	}
}
