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

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func contents(w *eventtest.Event, challenge string) []string {
	var all []string
	for _, f := range w.CTFd.Flags(w.IDs[challenge]) {
		all = append(all, f.Content)
	}
	slices.Sort(all)
	return all
}

func TestAFlagOfAnyTextIsRegisteredOnceAndAccepted(t *testing.T) {
	w := eventtest.New(t)
	for n, text := range []struct{ prefix, base string }{
		{"FLAG", ""}, {"FLAG", `it's "quoted" & <b>`}, {"fläg✓", "ünïcödé"}, {"F.*[L](A|G)+\\", "regex"}, {"", "no prefix"},
		{"FLAG", strings.Repeat("x", 500)},
	} {
		ch := eventtest.Dynamic(string(rune('a'+n)), "Challenge "+string(rune('a'+n)), text.base)
		ch.Flag.Open = text.prefix + "{"
		if text.base != "" {
			ch.Flag.Text = text.prefix + "{" + text.base + "}"
		}
		w.Local = append(w.Local, ch)
		w.IDs[ch.ID] = w.CTFd.AddChallenge(ctfdtest.Challenge{Name: ch.Name})
	}
	w.Flags = w.Sidecar(w.Opts)
	w.MapAll()
	w.Run(w.Flags)
	player := w.CTFd.AddUser(ctfdtest.User{Name: "alice"})
	for _, ch := range w.Local {
		value := w.Flag(eventtest.User(player), ch.ID)
		if again := w.Flag(eventtest.User(player), ch.ID); again != value ||
			!strings.HasPrefix(value, strings.TrimSuffix(cmp.Or(ch.Flag.Text, ch.Flag.Open), "}")) {
			t.Errorf("%q and then %q", value, again)
		}
		ctx, cancel := context.WithTimeout(w.Ctx, 30*time.Second)
		w.Flags.AwaitLive(ctx, eventtest.User(player), ch)
		cancel()
		if got := contents(w, ch.ID); !slices.Equal(got, []string{value}) {
			t.Errorf("CTFd has %q instead of %q", got, value)
		}
		if got := w.CTFd.Attempt(player, w.IDs[ch.ID], value); got != "correct" {
			t.Errorf("%q is %s", value, got)
		}
	}
	if states, err := w.Flags.States(w.Ctx, eventtest.User(player).ID); err != nil || states["a"] != whaley.FlagLive ||
		len(states) != len(w.Local) {
		t.Errorf("%v %v", states, err)
	}
}

func TestWhoLooksOnIsToldWhenCTFdKnowsAFlag(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	told := make(chan string, 10)
	w.Flags.OnChange(func(owner string) { told <- owner })
	w.Flag(eventtest.User(1), "web")
	if states, err := w.Flags.States(w.Ctx, "user_1"); err != nil || states["web"] != whaley.FlagPending {
		t.Fatal(states, err)
	}
	w.Run(w.Flags)
	if owner := <-told; owner != "user_1" {
		t.Errorf("told of %s", owner)
	}
	if states, err := w.Flags.States(w.Ctx, "user_1"); err != nil || states["web"] != whaley.FlagLive {
		t.Error(states, err)
	}
}

func TestAFlagThatSomebodyRemovesInCTFdComesBack(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	w.Run(w.Flags)
	mine := w.Flag(eventtest.User(1), "web")
	w.Settled()
	w.CTFd.RemoveFlag(w.CTFd.Flags(w.IDs["web"])[0].ID)
	w.Must(w.Flags.Verify(w.Ctx))
	w.Settled()
	if got := contents(w, "web"); !slices.Equal(got, []string{mine}) {
		t.Errorf("%q", got)
	}
	// And without waiting for the next comparison when its owner was refused.
	w.CTFd.RemoveFlag(w.CTFd.Flags(w.IDs["web"])[0].ID)
	w.Flags.Recheck(w.IDs["web"])
	w.Until("it is there again", func() bool { return slices.Equal(contents(w, "web"), []string{mine}) })
	if events, err := w.DB.FindEvents(w.Ctx, whaley.EventQuery{Types: []string{"flag_missing"}, Limit: 10}); err != nil ||
		len(events) != 2 {
		t.Errorf("%v %v", events, err)
	}
}

func TestRotatedAndDeletedFlagsLeaveCTFdAndStayRecognised(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	w.Run(w.Flags)
	first := w.Flag(eventtest.User(1), "web")
	current, err := w.DB.CurrentFlag(w.Ctx, "user_1", "web", "")
	w.Must(err)
	rotated, err := w.Flags.Rotate(w.Ctx, current.ID, "an admin")
	w.Must(err)
	w.Settled()
	if got := contents(w, "web"); rotated.Value == first || !slices.Equal(got, []string{rotated.Value}) ||
		w.Flag(eventtest.User(1), "web") != rotated.Value {
		t.Errorf("%q after %q was rotated to %q", got, first, rotated.Value)
	}
	if n, err := w.Flags.DeleteOf(w.Ctx, "user_1", "an admin"); n != 1 || err != nil {
		t.Error(n, err)
	}
	w.Settled()
	if got := contents(w, "web"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	for _, id := range []string{current.ID, "none"} {
		if _, err := w.Flags.Delete(w.Ctx, id, ""); whaley.CodeOf(err) != "flag_not_found" {
			t.Error(err)
		}
	}
	known, err := w.DB.FlagsByToken(w.Ctx, []string{current.Token, rotated.Token})
	if err != nil || len(known) != 2 || known[0].Owner.ID != "user_1" || known[1].Owner.ID != "user_1" {
		t.Error(known, err)
	}
	// A flag that an import brings back is taken out again.
	w.CTFd.AddFlag(w.IDs["web"], first)
	w.Must(w.Flags.Verify(w.Ctx))
	w.Until("it is gone again", func() bool { return len(contents(w, "web")) == 0 })
}

func TestTheNextSidecarRegistersWhatTheFirstLeft(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	end := w.Run(w.Flags)
	for n := 1; n <= 60; n++ {
		if n == 30 {
			end()
		}
		_, err := w.Flags.Flags(w.Ctx, eventtest.User(n), w.Local[0])
		w.Must(err)
	}
	w.Run(w.Sidecar(w.Opts))
	w.Settled()
	if got := contents(w, "web"); len(got) != 60 || len(slices.Compact(got)) != 60 ||
		w.CTFd.Calls("POST /api/v1/flags") != 60 {
		t.Errorf("%d flags, made by %d calls", len(got), w.CTFd.Calls("POST /api/v1/flags"))
	}
}

func TestAFlagForAChallengeThatCTFdLostFailsWithAReason(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"), eventtest.Dynamic("pwn", "Pwn", "base"))
	w.MapAll()
	w.CTFd.RemoveChallenge(w.IDs["web"])
	w.Run(w.Flags)
	w.Flag(eventtest.User(1), "web")
	good := w.Flag(eventtest.User(1), "pwn")
	var failed []*whaley.IssuedFlag
	w.Until("it failed", func() (done bool) {
		var err error
		failed, err = w.Flags.List(w.Ctx, whaley.FlagFilter{State: whaley.RegistrationFailed}, "", 10)
		w.Must(err)
		return len(failed) == 1
	})
	if r := failed[0].Registrations[0]; !strings.Contains(r.Reason, "no challenge") || r.Tries == 0 ||
		flag.StateOf(failed[0]) != whaley.FlagFailed {
		t.Errorf("%+v", r)
	}
	w.Until("the other is live", func() bool { return slices.Equal(contents(w, "pwn"), []string{good}) })
	if w.CTFd.Calls("POST /api/v1/flags") != 1 {
		t.Error("CTFd was given a flag for a challenge that it does not have")
	}
}

func TestAChallengeThatIsDeletedAfterItWasSeenIsNoOutage(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"), eventtest.Dynamic("pwn", "Pwn", "base"))
	w.MapAll()
	w.Run(w.Flags)
	w.Flag(eventtest.User(1), "web") // which has the list of CTFd's challenges remembered
	w.Settled()
	w.CTFd.RemoveChallenge(w.IDs["web"])
	deleted := time.Now()
	w.Flag(eventtest.User(2), "web")
	w.Until("CTFd's loss is the reason", func() bool {
		failed, err := w.Flags.List(w.Ctx, whaley.FlagFilter{State: whaley.RegistrationFailed}, "", 10)
		w.Must(err)
		return len(failed) == 1 && strings.Contains(failed[0].Registrations[0].Reason, "no challenge")
	})
	if waited := time.Since(deleted); waited > 10*time.Second {
		t.Errorf("known after %v only", waited)
	}
	good := w.Flag(eventtest.User(2), "pwn")
	w.Until("others are registered", func() bool { return slices.Contains(contents(w, "pwn"), good) })
}

func TestASpawnDoesNotWaitForACTFdThatIsDown(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	w.CTFd.Down()
	w.Run(w.Flags)
	w.Flag(eventtest.User(1), "web")
	ctx, cancel := context.WithTimeout(w.Ctx, 20*time.Second)
	defer cancel()
	w.Flags.AwaitLive(ctx, eventtest.User(1), w.Local[0]) // ends with the first try
	if ctx.Err() != nil {
		t.Error("it was waited for to the end")
	}
	if states, err := w.Flags.States(w.Ctx, "user_1"); err != nil || states["web"] != whaley.FlagPending {
		t.Errorf("%v %v", states, err)
	}
}

func TestChallengesOfTheSameNameAreSuggested(t *testing.T) {
	static := eventtest.Dynamic("static", "Static", "base")
	static.Flag.Dynamic, static.StaticFlags = false, true
	w := eventtest.New(
		t, eventtest.Dynamic("web-login", "Login, please!", "base"), eventtest.Dynamic("pwn", "Heap of trouble", "base"),
		eventtest.Dynamic("none", "Zzz", "base"), static,
	)
	for n, name := range []string{"login please", "Heap of Troubles 2", "Something else", "Static"} {
		w.IDs[name] = w.CTFd.AddChallenge(ctfdtest.Challenge{Name: name, Hidden: n == 0})
	}
	for _, ch := range w.Local { // those that newWorld made have the very names
		w.CTFd.RemoveChallenge(w.IDs[ch.ID])
	}
	got, err := w.Flags.Pair(w.Ctx)
	w.Must(err)
	if s := got.Suggested["web-login"]; s.CTFdChallenge != w.IDs["login please"] || !s.Exact {
		t.Errorf("%+v", s)
	}
	if s := got.Suggested["pwn"]; s.CTFdChallenge != w.IDs["Heap of Troubles 2"] || s.Exact {
		t.Errorf("%+v", s)
	}
	if len(got.Suggested) != 3 || !got.Suggested["static"].Exact || !got.CTFd[0].Hidden || got.CTFd[1].Hidden {
		t.Errorf("%+v", got)
	}
	if _, err := w.Flags.Map(w.Ctx, "pwn", "", 999); whaley.CodeOf(err) != "ctfd_challenge_not_found" {
		t.Error(err)
	}
	_, err = w.Flags.Map(w.Ctx, "pwn", "", w.IDs["Heap of Troubles 2"])
	w.Must(err)
	// One without flags of the owners' own is mapped for its link.
	_, err = w.Flags.Map(w.Ctx, "static", "", w.IDs["Static"])
	w.Must(err)
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
	w := eventtest.New(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	w.Flags = flag.New(w.DB, forgetful{w.Client(), &atomic.Int32{}}, w.Local, w.Opts, slog.New(slog.DiscardHandler))
	mine := w.Flag(eventtest.User(1), "web")
	another := w.Flag(eventtest.User(2), "web")
	w.CTFd.AddFlag(w.IDs["web"], strings.ToUpper(another)) // which CTFd's database takes for the same
	w.Run(w.Flags)
	w.Settled()
	want := []string{mine, another, strings.ToUpper(another)}
	slices.Sort(want)
	if got := contents(w, "web"); !slices.Equal(got, want) {
		t.Errorf("%q instead of %q", got, want)
	}
}

func TestAReusedOrRenamedChallengeGetsNoFlagUntilItIsMappedAgain(t *testing.T) {
	w := eventtest.New(t, eventtest.Dynamic("lock", "Lock", "base"))
	w.MapAll()
	w.Run(w.Flags)
	w.Flag(eventtest.User(1), "lock")
	w.Settled()
	id := w.IDs["lock"]
	w.CTFd.RemoveChallenge(id)
	w.CTFd.ReuseChallenge(id, ctfdtest.Challenge{Name: "Bonus"})
	w.Must(w.Flags.Verify(w.Ctx)) // the flag is missing there
	w.Flag(eventtest.User(2), "lock")
	w.Until("refused", func() bool {
		states, err := w.Flags.States(w.Ctx, "user_2")
		return err == nil && states["lock"] == whaley.FlagFailed
	})
	if got := contents(w, "lock"); len(got) != 0 {
		t.Errorf("flags of Lock are worth points in Bonus: %q", got)
	}
	pairing, err := w.Flags.Pair(w.Ctx)
	w.Must(err)
	if d := pairing.Doubts; len(d) != 1 || d[0].Was != "Lock" || d[0].Now != "Bonus" {
		t.Errorf("%+v", d)
	}
	_, err = w.Flags.Map(w.Ctx, "lock", "", id) // somebody has looked: it is the same under another name
	w.Must(err)
	w.Settled()
	if got := contents(w, "lock"); len(got) != 2 {
		t.Errorf("%q", got)
	}
	w.CTFd.RemoveChallenge(id)
	if pairing, err = w.Flags.Pair(w.Ctx); err != nil || len(pairing.Doubts) != 1 || pairing.Doubts[0].Now != "" {
		t.Errorf("%+v %v", pairing.Doubts, err)
	}
}
