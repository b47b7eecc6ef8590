package opening_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type mapped struct{ *store.Store }

func (mapped) Mappings(context.Context) ([]*whaley.Mapping, error) {
	return []*whaley.Mapping{
			{Challenge: "shown", CTFdChallenge: 1}, {Challenge: "hidden", CTFdChallenge: 2},
			{Challenge: "gone", CTFdChallenge: 99},
		},
		nil
}

// TestWhatIsOpenIsWhatCTFdSays goes through an event, with CTFd there, away, and away from the start of a second
// sidecar.
func TestWhatIsOpenIsWhatCTFdSays(t *testing.T) {
	ctx := context.Background()
	board := ctfdtest.New(t)
	board.AddChallenge(ctfdtest.Challenge{Name: "shown"})
	board.AddChallenge(ctfdtest.Challenge{Name: "hidden", Hidden: true})
	db, err := store.Open(ctx, "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	follow := true
	begin := func() *opening.Opening {
		return opening.New(client, mapped{db}, func() bool { return follow }, slog.New(slog.DiscardHandler))
	}
	o := begin()
	player, organiser := whaley.Player{ID: "user_2"}, whaley.Player{ID: "user_1", Organiser: true}
	now := time.Date(2026, 5, 16, 12, 0, 0, 0, time.UTC)
	wants := func(what string, shown, hidden string) {
		t.Helper()
		for id, want := range map[string]string{"shown": shown, "hidden": hidden, "gone": shown, "unmapped": shown} {
			if got := o.Closed(player, &whaley.Challenge{ID: id}, now); code(got) != want {
				t.Errorf("%s: %s: %v, want %q", what, id, got, want)
			}
			if got := o.Closed(organiser, &whaley.Challenge{ID: id}, now); got != nil {
				t.Errorf("%s: an organiser: %s: %v", what, id, got)
			}
			if got := o.Closed(player, &whaley.Challenge{ID: id, AnyTime: true}, now); got != nil {
				t.Errorf("%s: one that is for any time: %s: %v", what, id, got)
			}
		}
	}
	look := func() {
		t.Helper()
		if err := o.Look(ctx); err != nil {
			t.Fatal(err)
		}
	}
	set := func(key string, at time.Time) { board.SetConfig(key, strconv.FormatInt(at.Unix(), 10)) }
	wants("nothing is known", "", "")
	look()
	wants("without times", "", "challenge_not_found")
	set("start", now.Add(time.Hour))
	set("end", now.Add(2*time.Hour))
	look()
	wants("before", whaley.CodeNotBegun, whaley.CodeNotBegun)
	if why := o.Closed(player, &whaley.Challenge{ID: "shown"}, now); why.RetryAfter != time.Hour ||
		why.Detail != "The event begins on Saturday, 16 May 2026, 13:00 UTC." {
		t.Errorf("players read %q, after %s", why.Detail, why.RetryAfter)
	}
	board.Down()
	if o.Look(ctx) == nil {
		t.Error("an answer of what is down")
	}
	wants("CTFd is away", whaley.CodeNotBegun, whaley.CodeNotBegun)
	o = begin()
	ended, end := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- o.Run(ended) }()
	for o.Event().Begins.IsZero() {
		time.Sleep(time.Millisecond)
	}
	end()
	if err := <-over; err != nil {
		t.Error(err)
	}
	wants("after a restart without CTFd", whaley.CodeNotBegun, whaley.CodeNotBegun)
	board.Recover()
	now = now.Add(time.Hour) // to the second, without another look
	wants("it begins", "", "challenge_not_found")
	board.SetConfig("paused", "1")
	look()
	wants("paused", whaley.CodePaused, whaley.CodePaused)
	now = now.Add(time.Hour)
	wants("it ends", whaley.CodeOver, whaley.CodeOver)
	for _, on := range []string{"1", "true"} {
		board.SetConfig("view_after_ctf", on)
		look()
		wants("seen afterwards, "+on, "", "challenge_not_found")
	}
	board.SetConfig("view_after_ctf", "0")
	for _, nothing := range []string{"", "None", "soon"} {
		board.SetConfig("end", nothing)
		board.SetConfig("paused", "")
		look()
		wants(fmt.Sprintf("an end of %q", nothing), "", "challenge_not_found")
	}
	follow = false
	set("end", now.Add(-time.Hour))
	look()
	wants("not followed", "", "")
	if o.Event() != (whaley.ScoreboardEvent{}) {
		t.Errorf("players are told of %+v", o.Event())
	}
}

func code(e *whaley.Error) string {
	if e == nil {
		return ""
	}
	return e.Code
}
