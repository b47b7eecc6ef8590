package flag_test

import (
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestWithThePluginAFlagIsRightForItsOwnerOnly goes there and back: without the plugin every wrong submission would fail
// where a flag is of its type.
func TestWithThePluginAFlagIsRightForItsOwnerOnly(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", ""))
	w.ctfd.SetMode("teams")
	red, blue := w.ctfd.AddTeam(ctfdtest.Team{Name: "red"}), w.ctfd.AddTeam(ctfdtest.Team{Name: "blue"})
	ada, bob := w.ctfd.AddUser(ctfdtest.User{Name: "ada", Team: red}), w.ctfd.AddUser(ctfdtest.User{
		Name: "bob", Team: blue,
	})
	w.mapAll()
	kinds := func() []string {
		var all []string
		for _, f := range w.ctfd.Flags(w.ids["web"]) {
			all = append(all, f.Type+" "+f.Data)
		}
		slices.Sort(all)
		return all
	}
	becomes := func(what string, want ...string) {
		t.Helper()
		stop := w.run(w.sidecar(w.opts))
		w.until(what, func() bool { return slices.Equal(kinds(), want) })
		w.settled()
		stop()
	}
	value, other := w.flag(w.team(red), "web"), w.flag(w.team(blue), "web")
	becomes("flags of everybody", "static ", "static ")
	w.ctfd.SetPlugin(true)
	becomes("flags of their owners", "whaley "+whaley.TeamID(red), "whaley "+whaley.TeamID(blue))
	if foreign, own := w.ctfd.Attempt(bob, w.ids["web"], value), w.ctfd.Attempt(ada, w.ids["web"], value); foreign != "incorrect" ||
		own != "correct" {
		t.Errorf("a foreign one is %s, an own one %s", foreign, own)
	}
	w.ctfd.SetPlugin(false)
	becomes("flags of everybody again", "static ", "static ")
	if got := w.ctfd.Attempt(bob, w.ids["web"], other); got != "correct" {
		t.Errorf("without the plugin an own one is %s", got)
	}
}

// TestWhatIsToldIsFoundAtOnceAndOnce: a foreign flag from a team that has solved is in no row of CTFd's, and one that is
// told is not found again when CTFd is read.
func TestWhatIsToldIsFoundAtOnceAndOnce(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", ""))
	w.ctfd.SetMode("teams")
	red, blue := w.ctfd.AddTeam(ctfdtest.Team{Name: "red"}), w.ctfd.AddTeam(ctfdtest.Team{Name: "blue"})
	bob := w.ctfd.AddUser(ctfdtest.User{Name: "bob", Team: blue})
	w.mapAll()
	value := w.start(w.team(red), "user_9", "web", time.Hour)
	told := func(s whaley.Submission) {
		t.Helper()
		w.must(w.flags.Told(w.ctx, []whaley.Submission{s}, false))
	}
	s := whaley.Submission{
		Challenge: w.ids["web"], User: bob, Team: blue, Provided: value, Type: "incorrect", Address: "198.51.100.7",
		At: time.Now(),
	}
	told(s)
	found := w.list(whaley.SuspicionFilter{})
	if len(found) != 1 || found[0].Submitter.OwnerName != "blue" || found[0].Submissions[0].Provided != value ||
		found[0].Submissions[0].ID != 0 {
		t.Fatalf("%+v", found)
	}
	s.At = s.At.UTC().Truncate(time.Microsecond)
	s.ID = w.ctfd.AddSubmission(ctfdtest.Submission{
		Challenge: s.Challenge, User: bob, Team: blue, Provided: value, At: s.At,
	})
	told(s)
	if check := w.check(true); len(check.Found) != 0 {
		t.Errorf("found again: %+v", check.Found)
	}
	if found = w.list(whaley.SuspicionFilter{}); len(found) != 1 || len(found[0].Submissions) != 2 {
		t.Errorf("%d entries, %+v", len(found), found[0].Submissions)
	}
}
