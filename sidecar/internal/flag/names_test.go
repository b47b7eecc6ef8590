package flag_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
)

// An export has numbers only, and a review list of nameless entries is of no use to an organiser.
func TestWhoeverIsFoundByAnExportHasAName(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.ctfd.SetMode("teams")
	w.mapAll()
	value := w.flag(user(1), "web")
	team := w.ctfd.AddTeam(ctfdtest.Team{Name: "Blue Foxes"})
	mallory := w.ctfd.AddUser(ctfdtest.User{Name: "Mallory", Team: team})
	w.ctfd.AddSubmission(ctfdtest.Submission{Challenge: w.ids["web"], User: mallory, Team: team, Provided: value})
	got := w.check(true)
	if len(got.Found) != 1 {
		t.Fatalf("%+v", got)
	}
	if from := got.Found[0].Submitter; from.OwnerName != "Blue Foxes" || from.UserName != "Mallory" {
		t.Errorf("%+v", from)
	}
}
