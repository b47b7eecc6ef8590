package flag_test

import (
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// synced is an event whose flags in CTFd are looked at often, and what its challenge held before.
func synced(t *testing.T, owners int) (w *eventtest.Event, before []string) {
	w = eventtest.New(t, eventtest.Dynamic("web", "Web", "base"), eventtest.Dynamic("pwn", "Pwn", "base"))
	w.MapAll()
	w.Flags = w.Sidecar(flag.Options{MapEvery: time.Hour, VerifyEvery: time.Hour, SampleEvery: 20 * time.Millisecond})
	for n := range owners {
		w.Flag(eventtest.User(n+1), "web")
		w.Flag(eventtest.User(n+1), "pwn")
	}
	w.Run(w.Flags)
	w.Settled()
	return w, contents(w, "web")
}

func TestFlagsThatASyncDeletedAreBackWithoutAnybodyBeingRefused(t *testing.T) {
	w, before := synced(t, 30)
	for _, row := range w.CTFd.Flags(w.IDs["web"]) {
		w.CTFd.RemoveFlag(row.ID)
	}
	w.CTFd.AddFlag(w.IDs["web"], "FLAG{of_challenge_yml}")
	w.Until("all are there again", func() bool {
		now := contents(w, "web")
		missing := func(value string) bool { return !slices.Contains(now, value) }
		return !slices.ContainsFunc(before, missing)
	})
	if now := contents(w, "web"); len(now) != len(before)+1 {
		t.Errorf("%d flags, not %d: what the author wrote stays, and nothing is there twice", len(now), len(before)+1)
	}
}

func TestAFlagThatWasEditedInCTFdIsPutBack(t *testing.T) {
	for what, edit := range map[string]func(*eventtest.Event, int){
		"another text":   func(w *eventtest.Event, id int) { w.CTFd.ChangeFlag(id, "FLAG{edited}", "static", "") },
		"without case":   func(w *eventtest.Event, id int) { w.CTFd.ChangeFlag(id, "", "static", "case_insensitive") },
		"a pattern":      func(w *eventtest.Event, id int) { w.CTFd.ChangeFlag(id, "", "regex", "") },
		"another's flag": func(w *eventtest.Event, id int) { w.CTFd.ChangeFlag(id, "", "whaley", "user_9") },
	} {
		t.Run(what, func(t *testing.T) {
			w, before := synced(t, 1)
			edit(w, w.CTFd.Flags(w.IDs["web"])[0].ID)
			w.Until("it is as it was", func() bool {
				for _, row := range w.CTFd.Flags(w.IDs["web"]) {
					if row.Content == before[0] && row.Type == "static" && row.Data == "" {
						return true
					}
				}
				return false
			})
		})
	}
}

func TestALookAtFlagsCostsAQuestionAChallenge(t *testing.T) {
	w, _ := synced(t, 20)
	begin, rows := w.CTFd.Calls("GET /api/v1/flags"), w.CTFd.Calls("POST /api/v1/flags")
	w.Until("some looks", func() bool { return w.CTFd.Calls("GET /api/v1/flags") >= begin+10 })
	if now := w.CTFd.Calls("POST /api/v1/flags"); now != rows {
		t.Errorf("%d flags were added where none was missing", now-rows)
	}
	if events, err := w.DB.FindEvents(w.Ctx, whaley.EventQuery{Types: []string{"flag_missing"}, Limit: 10}); err != nil ||
		len(events) > 0 {
		t.Errorf("%v %v", events, err)
	}
}
