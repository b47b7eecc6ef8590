package cheating_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestWhatAnOwnerHasSolvedIsKnownUntilCTFdTakesItBack(t *testing.T) {
	two := eventtest.Dynamic("two", "Two", "second")
	two.Flag.Add(whaley.FlagForm{Part: "root", Open: "FLAG{", Close: "}", Text: "FLAG{root}"})
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"), two)
	w.MapAll()
	root := w.CTFd.AddChallenge(ctfdtest.Challenge{Name: "Two, root"})
	if _, err := w.Flags.Map(w.Ctx, "two", "root", root); err != nil {
		t.Fatal(err)
	}
	solve := func(challenge int) int {
		return w.CTFd.AddSubmission(ctfdtest.Submission{Challenge: challenge, User: thief, Provided: "x", Type: "correct"})
	}
	want := func(what string, want map[string]bool) {
		t.Helper()
		got, err := w.detector.Solved(w.Ctx, eventtest.User(thief).ID)
		if err != nil {
			t.Fatal(err)
		}
		for id, yes := range got {
			if !yes {
				delete(got, id)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
	w.submit(thief, "web", "wrong")
	w.check(false)
	want("before", nil)
	solve(w.IDs["two"])
	web := solve(w.IDs["web"])
	w.check(false)
	want("one part of two", map[string]bool{"web": true})
	solve(root)
	w.check(false)
	want("both parts", map[string]bool{"web": true, "two": true})
	w.CTFd.RemoveSubmission(web)
	w.check(true)
	want("taken back", map[string]bool{"two": true})
	if got, _ := w.detector.Solved(w.Ctx, eventtest.User(other).ID); len(got) != 0 {
		t.Errorf("somebody else's: %v", got)
	}
}
