package flag_test

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func (w *world) contents(challenge string) []string {
	var all []string
	for _, f := range w.ctfd.Flags(w.ids[challenge]) {
		all = append(all, f.Content)
	}
	slices.Sort(all)
	return all
}

func TestAFlagOfAnyTextIsRegisteredOnceAndAccepted(t *testing.T) {
	w := newWorld(t)
	for n, text := range []struct{ prefix, base string }{
		{"FLAG", ""}, {"FLAG", `it's "quoted" & <b>`}, {"fläg✓", "ünïcödé"}, {"F.*[L](A|G)+\\", "regex"}, {"", "no prefix"},
		{"FLAG", strings.Repeat("x", 500)},
	} {
		ch := dynamic(string(rune('a'+n)), "Challenge "+string(rune('a'+n)), text.base)
		ch.Flag.Open = text.prefix + "{"
		if text.base != "" {
			ch.Flag.Text = text.prefix + "{" + text.base + "}"
		}
		w.local = append(w.local, ch)
		w.ids[ch.ID] = w.ctfd.AddChallenge(ctfdtest.Challenge{Name: ch.Name})
	}
	w.flags = w.sidecar(w.opts)
	w.mapAll()
	w.run(w.flags)
	player := w.ctfd.AddUser(ctfdtest.User{Name: "alice"})
	for _, ch := range w.local {
		value := w.flag(user(player), ch.ID)
		if again := w.flag(user(player), ch.ID); again != value ||
			!strings.HasPrefix(value, strings.TrimSuffix(cmp.Or(ch.Flag.Text, ch.Flag.Open), "}")) {
			t.Errorf("%q and then %q", value, again)
		}
		ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
		w.flags.AwaitLive(ctx, user(player), ch)
		cancel()
		if got := w.contents(ch.ID); !slices.Equal(got, []string{value}) {
			t.Errorf("CTFd has %q instead of %q", got, value)
		}
		if got := w.ctfd.Attempt(player, w.ids[ch.ID], value); got != "correct" {
			t.Errorf("%q is %s", value, got)
		}
	}
	if states, err := w.flags.States(w.ctx, user(player).ID); err != nil || states["a"] != whaley.FlagLive ||
		len(states) != len(w.local) {
		t.Errorf("%v %v", states, err)
	}
	if got := w.check(false); len(got.Found) > 0 && got.Found[0].Kind == whaley.SuspicionSharing {
		t.Errorf("%+v", got.Found)
	}
}

func TestWhoLooksOnIsToldWhenCTFdKnowsAFlag(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	told := make(chan string, 10)
	w.flags.OnChange(func(owner string) { told <- owner })
	w.flag(user(1), "web")
	if states, err := w.flags.States(w.ctx, "user_1"); err != nil || states["web"] != whaley.FlagPending {
		t.Fatal(states, err)
	}
	w.run(w.flags)
	if owner := <-told; owner != "user_1" {
		t.Errorf("told of %s", owner)
	}
	if states, err := w.flags.States(w.ctx, "user_1"); err != nil || states["web"] != whaley.FlagLive {
		t.Error(states, err)
	}
}

func TestAFlagThatSomebodyRemovesInCTFdComesBack(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	w.run(w.flags)
	mine := w.flag(user(1), "web")
	w.settled()
	w.ctfd.RemoveFlag(w.ctfd.Flags(w.ids["web"])[0].ID)
	w.must(w.flags.Verify(w.ctx))
	w.settled()
	if got := w.contents("web"); !slices.Equal(got, []string{mine}) {
		t.Errorf("%q", got)
	}
	// And without waiting for the next comparison when its owner was refused.
	w.ctfd.RemoveFlag(w.ctfd.Flags(w.ids["web"])[0].ID)
	w.submit(1, "web", mine)
	w.check(false)
	w.until("it is there again", func() bool { return slices.Equal(w.contents("web"), []string{mine}) })
	if events, err := w.db.FindEvents(w.ctx, whaley.EventQuery{Types: []string{"flag_missing"}, Limit: 10}); err != nil ||
		len(events) != 2 {
		t.Errorf("%v %v", events, err)
	}
}

func TestRotatedAndDeletedFlagsLeaveCTFdAndStayRecognised(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	w.run(w.flags)
	first := w.flag(user(1), "web")
	current, err := w.db.CurrentFlag(w.ctx, "user_1", "web", "")
	w.must(err)
	rotated, err := w.flags.Rotate(w.ctx, current.ID, "an admin")
	w.must(err)
	w.settled()
	if got := w.contents("web"); rotated.Value == first || !slices.Equal(got, []string{rotated.Value}) ||
		w.flag(user(1), "web") != rotated.Value {
		t.Errorf("%q after %q was rotated to %q", got, first, rotated.Value)
	}
	if n, err := w.flags.DeleteOf(w.ctx, "user_1", "an admin"); n != 1 || err != nil {
		t.Error(n, err)
	}
	w.settled()
	if got := w.contents("web"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	for _, id := range []string{current.ID, "none"} {
		if _, err := w.flags.Delete(w.ctx, id, ""); whaley.CodeOf(err) != "flag_not_found" {
			t.Error(err)
		}
	}
	w.submit(thief, "web", first)
	w.submit(other, "web", rotated.Value)
	w.check(false)
	if n, err := w.db.CountSuspicions(w.ctx, whaley.SuspicionFilter{}); n != 2 || err != nil { // the first reading in the background may have found one
		t.Error(n, err)
	}
	// A flag that an import brings back is taken out again.
	w.ctfd.AddFlag(w.ids["web"], first)
	w.must(w.flags.Verify(w.ctx))
	w.until("it is gone again", func() bool { return len(w.contents("web")) == 0 })
}

func TestTheNextSidecarRegistersWhatTheFirstLeft(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	end := w.run(w.flags)
	for n := 1; n <= 60; n++ {
		if n == 30 {
			end()
		}
		_, err := w.flags.Flags(w.ctx, user(n), w.local[0])
		w.must(err)
	}
	w.run(w.sidecar(w.opts))
	w.settled()
	if got := w.contents("web"); len(got) != 60 || len(slices.Compact(got)) != 60 ||
		w.ctfd.Calls("POST /api/v1/flags") != 60 {
		t.Errorf("%d flags, made by %d calls", len(got), w.ctfd.Calls("POST /api/v1/flags"))
	}
}

func TestAFlagForAChallengeThatCTFdLostFailsWithAReason(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"), dynamic("pwn", "Pwn", "base"))
	w.mapAll()
	w.ctfd.RemoveChallenge(w.ids["web"])
	w.run(w.flags)
	w.flag(user(1), "web")
	good := w.flag(user(1), "pwn")
	var failed []*whaley.IssuedFlag
	w.until("it failed", func() (done bool) {
		var err error
		failed, err = w.flags.List(w.ctx, whaley.FlagFilter{State: whaley.RegistrationFailed}, "", 10)
		w.must(err)
		return len(failed) == 1
	})
	if r := failed[0].Registrations[0]; !strings.Contains(r.Reason, "no challenge") || r.Tries == 0 ||
		flag.StateOf(failed[0]) != whaley.FlagFailed {
		t.Errorf("%+v", r)
	}
	w.until("the other is live", func() bool { return slices.Equal(w.contents("pwn"), []string{good}) })
	if w.ctfd.Calls("POST /api/v1/flags") != 1 {
		t.Error("CTFd was given a flag for a challenge that it does not have")
	}
}

func TestASpawnDoesNotWaitForACTFdThatIsDown(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	w.ctfd.Down()
	w.run(w.flags)
	w.flag(user(1), "web")
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	w.flags.AwaitLive(ctx, user(1), w.local[0]) // ends with the first try
	if ctx.Err() != nil {
		t.Error("it was waited for to the end")
	}
	if states, err := w.flags.States(w.ctx, "user_1"); err != nil || states["web"] != whaley.FlagPending {
		t.Errorf("%v %v", states, err)
	}
}

func TestChallengesOfTheSameNameAreSuggested(t *testing.T) {
	static := dynamic("static", "Static", "base")
	static.Flag.Dynamic, static.StaticFlags = false, true
	w := newWorld(
		t, dynamic("web-login", "Login, please!", "base"), dynamic("pwn", "Heap of trouble", "base"),
		dynamic("none", "Zzz", "base"), static,
	)
	for n, name := range []string{"login please", "Heap of Troubles 2", "Something else", "Static"} {
		w.ids[name] = w.ctfd.AddChallenge(ctfdtest.Challenge{Name: name, Hidden: n == 0})
	}
	for _, ch := range w.local { // those that newWorld made have the very names
		w.ctfd.RemoveChallenge(w.ids[ch.ID])
	}
	got, err := w.flags.Pair(w.ctx)
	w.must(err)
	if s := got.Suggested["web-login"]; s.CTFdChallenge != w.ids["login please"] || !s.Exact {
		t.Errorf("%+v", s)
	}
	if s := got.Suggested["pwn"]; s.CTFdChallenge != w.ids["Heap of Troubles 2"] || s.Exact {
		t.Errorf("%+v", s)
	}
	if len(got.Suggested) != 3 || !got.Suggested["static"].Exact || !got.CTFd[0].Hidden || got.CTFd[1].Hidden {
		t.Errorf("%+v", got)
	}
	if _, err := w.flags.Map(w.ctx, "pwn", "", 999); whaley.CodeOf(err) != "ctfd_challenge_not_found" {
		t.Error(err)
	}
	_, err = w.flags.Map(w.ctx, "pwn", "", w.ids["Heap of Troubles 2"])
	w.must(err)
	// One without flags of the owners' own is mapped for its link.
	_, err = w.flags.Map(w.ctx, "static", "", w.ids["Static"])
	w.must(err)
}

// forgetful adds what it is given and loses the first answers.
type forgetful struct {
	flag.CTFd
	lost *atomic.Int32
}

func (f forgetful) AddFlag(ctx context.Context, challenge int, content, owner string) (whaley.ScoreboardFlag, error) {
	stored, err := f.CTFd.AddFlag(ctx, challenge, content, owner)
	if f.lost.Add(1) <= 2 {
		return whaley.ScoreboardFlag{}, whaley.Errorf(whaley.Unavailable, whaley.CodeCTFdUnavailable, "The answer was lost.")
	}
	return stored, err
}

func TestAFlagWhoseAnswerWasLostIsNotAddedTwice(t *testing.T) {
	w := newWorld(t, dynamic("web", "Web", "base"))
	w.mapAll()
	client, err := ctfd.New(w.ctfd.URL, ctfd.Fixed(w.ctfd.Admin), slog.New(slog.DiscardHandler))
	w.must(err)
	w.flags = flag.New(w.db, forgetful{client, &atomic.Int32{}}, w.local, w.opts, slog.New(slog.DiscardHandler))
	mine := w.flag(user(1), "web")
	another := w.flag(user(2), "web")
	w.ctfd.AddFlag(w.ids["web"], strings.ToUpper(another)) // which CTFd's database takes for the same
	w.run(w.flags)
	w.settled()
	want := []string{mine, another, strings.ToUpper(another)}
	slices.Sort(want)
	if got := w.contents("web"); !slices.Equal(got, want) {
		t.Errorf("%q instead of %q", got, want)
	}
}

func TestAReusedOrRenamedChallengeGetsNoFlagUntilItIsMappedAgain(t *testing.T) {
	w := newWorld(t, dynamic("lock", "Lock", "base"))
	w.mapAll()
	w.run(w.flags)
	w.flag(user(1), "lock")
	w.settled()
	id := w.ids["lock"]
	w.ctfd.RemoveChallenge(id)
	w.ctfd.ReuseChallenge(id, ctfdtest.Challenge{Name: "Bonus"})
	w.must(w.flags.Verify(w.ctx)) // the flag is missing there
	w.flag(user(2), "lock")
	w.until("refused", func() bool {
		states, err := w.flags.States(w.ctx, "user_2")
		return err == nil && states["lock"] == whaley.FlagFailed
	})
	if got := w.contents("lock"); len(got) != 0 {
		t.Errorf("flags of Lock are worth points in Bonus: %q", got)
	}
	pairing, err := w.flags.Pair(w.ctx)
	w.must(err)
	if d := pairing.Doubts; len(d) != 1 || d[0].Was != "Lock" || d[0].Now != "Bonus" {
		t.Errorf("%+v", d)
	}
	_, err = w.flags.Map(w.ctx, "lock", "", id) // somebody has looked: it is the same under another name
	w.must(err)
	w.settled()
	if got := w.contents("lock"); len(got) != 2 {
		t.Errorf("%q", got)
	}
	w.ctfd.RemoveChallenge(id)
	if pairing, err = w.flags.Pair(w.ctx); err != nil || len(pairing.Doubts) != 1 || pairing.Doubts[0].Now != "" {
		t.Errorf("%+v %v", pairing.Doubts, err)
	}
}
