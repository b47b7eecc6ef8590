package cheating_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
)

// An export has numbers only, and a review list of nameless entries is of no use to an organiser.
func TestWhoeverIsFoundByAnExportHasAName(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.CTFd.SetMode("teams")
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	team := w.CTFd.AddTeam(ctfdtest.Team{Name: "Blue Foxes"})
	mallory := w.CTFd.AddUser(ctfdtest.User{Name: "Mallory", Team: team})
	w.CTFd.AddSubmission(ctfdtest.Submission{Challenge: w.IDs["web"], User: mallory, Team: team, Provided: value})
	got := w.check(true)
	if len(got.Found) != 1 {
		t.Fatalf("%+v", got)
	}
	if from := got.Found[0].Submitter; from.OwnerName != "Blue Foxes" || from.UserName != "Mallory" {
		t.Errorf("%+v", from)
	}
}
