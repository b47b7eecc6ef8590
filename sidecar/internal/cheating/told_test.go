package cheating_test

import (
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestWhatIsToldIsFoundAtOnceAndOnce: a foreign flag from a team that has solved is in no row of CTFd's, and one that
// is told is not found again when CTFd is read.
func TestWhatIsToldIsFoundAtOnceAndOnce(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", ""))
	w.CTFd.SetMode("teams")
	red, blue := w.CTFd.AddTeam(ctfdtest.Team{Name: "red"}), w.CTFd.AddTeam(ctfdtest.Team{Name: "blue"})
	bob := w.CTFd.AddUser(ctfdtest.User{Name: "bob", Team: blue})
	w.MapAll()
	value := w.Start(w.Team(red), "user_9", "web", time.Hour)
	told := func(s whaley.Submission) {
		t.Helper()
		w.Must(w.detector.Told(w.Ctx, []whaley.Submission{s}, false))
	}
	s := whaley.Submission{
		Challenge: w.IDs["web"], User: bob, Team: blue, Provided: value, Type: "incorrect", Address: "198.51.100.7",
		At: time.Now(),
	}
	told(s)
	found := w.list(whaley.SuspicionFilter{})
	if len(found) != 1 || found[0].Submitter.OwnerName != "blue" || found[0].Submissions[0].Provided != value ||
		found[0].Submissions[0].ID != 0 {
		t.Fatalf("%+v", found)
	}
	s.At = s.At.UTC().Truncate(time.Microsecond)
	s.ID = w.CTFd.AddSubmission(ctfdtest.Submission{
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

func TestAnOwnersRefusedFlagIsToldOf(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	missing := make(chan int, 1)
	w.missing = func(id int) { missing <- id }
	w.submit(1, "web", w.Flag(eventtest.User(1), "web")) // which CTFd was never given
	w.check(false)
	select {
	case id := <-missing:
		if id != w.IDs["web"] {
			t.Errorf("challenge %d", id)
		}
	default:
		t.Error("it is not told of")
	}
}
