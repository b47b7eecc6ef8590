package costs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/costs"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// kept is a store in memory, which may be away.
type kept struct {
	mu   sync.Mutex
	all  map[string][]whaley.Seen
	away error
}

func (k *kept) Costs(context.Context) (map[string][]whaley.Seen, error) { return k.all, nil }

func (k *kept) KeepCosts(_ context.Context, challenge string, seen []whaley.Seen) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away == nil {
		k.all[challenge] = seen
	}
	return k.away
}

// is makes it away, or there again.
func (k *kept) is(away error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
}

// world has instances that use memory, looked at all the time.
type world struct {
	*testing.T
	kept *kept
	uses atomic.Pointer[[]costs.Use]
	book *costs.Book
	end  func()
}

func (w *world) begin() {
	book, err := costs.New(w.Context(), w.kept, func() (time.Time, []costs.Use) {
		return time.Now(), *w.uses.Load()
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = book.Run(ctx) }()
	w.book, w.end = book, func() { cancel(); <-ended }
}

func play(t *testing.T, do func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, kept: &kept{all: map[string][]whaley.Seen{}}}
		w.run()
		w.begin()
		do(w)
		w.end()
	})
}

// run says what runs from now on.
func (w *world) run(uses ...costs.Use) { w.uses.Store(&uses) }

func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func uses(revision string, bytes ...int64) (all []costs.Use) {
	for n, b := range bytes {
		all = append(all, costs.Use{
			Instance: fmt.Sprint(revision, "-", n), Challenge: "web", Revision: revision, Memory: b, CPUs: 0.5,
		})
	}
	return all
}

func TestMemoryIsKnownOnceEnoughInstancesWereLookedAtTwice(t *testing.T) {
	play(t, func(w *world) {
		w.run(uses("1", 10, 20)...)
		w.pass(10 * time.Minute)
		if c := w.book.Cost("web", "1"); c.Memory != 0 || c.Instances != 2 {
			w.Errorf("of two: %+v", c)
		}
		w.run(uses("1", 10, 20, 30)...)
		w.pass(45 * time.Second)
		if c := w.book.Cost("web", "1"); c.Memory != 0 {
			w.Errorf("of one that has just been started: %+v", c)
		}
		w.pass(time.Minute)
		if c := w.book.Cost("web", "1"); c != (whaley.Cost{Instances: 3, Memory: 30, CPUs: 0.5}) {
			w.Errorf("%+v", c)
		}
	})
}

func TestTheMostThatWasSeenCountsAndOneInTenDoesNot(t *testing.T) {
	play(t, func(w *world) {
		all := make([]int64, 20)
		for n := range all {
			all[n] = 50
		}
		w.run(uses("1", all...)...)
		w.pass(time.Minute)
		for n := range all {
			all[n] = 20
		}
		all[3] = 1 << 30 // somebody fills theirs
		w.run(uses("1", all...)...)
		w.pass(5 * time.Minute)
		if c := w.book.Cost("web", "1"); c.Memory != 50 || c.Instances != 20 {
			w.Errorf("%+v", c)
		}
	})
}

func TestAnEditedChallengeIsJudgedByWhatItIsNow(t *testing.T) {
	play(t, func(w *world) {
		w.run(uses("1", 90, 90, 90)...)
		w.book.Started(&whaley.Instance{ID: "1-0", Challenge: "web", Revision: "1"}, 9*time.Second)
		w.pass(5 * time.Minute)
		if c := w.book.Cost("web", "2"); c.Memory != 90 || c.Start != 9*time.Second {
			w.Errorf("before any of the new one was seen: %+v", c)
		}
		w.run(uses("2", 10, 10, 10)...)
		w.book.Started(&whaley.Instance{ID: "2-0", Challenge: "web", Revision: "2"}, time.Second)
		w.pass(5 * time.Minute)
		if c := w.book.Cost("web", "2"); c.Memory != 10 || c.Start != time.Second {
			w.Errorf("after: %+v", c)
		}
	})
}

func TestWhatWasSeenOutlivesTheProcessAndADatabaseThatIsAway(t *testing.T) {
	play(t, func(w *world) {
		w.kept.is(errors.New("away"))
		w.run(uses("1", 10, 20, 30)...)
		w.pass(5 * time.Minute)
		w.kept.is(nil)
		w.pass(time.Minute)
		for n, took := range []time.Duration{5, 1, 3} {
			w.book.Started(&whaley.Instance{ID: fmt.Sprint("1-", n), Challenge: "web", Revision: "1"}, took*time.Second)
		}
		w.end()
		w.run()
		w.begin()
		if c := w.book.Cost("web", "1"); c != (whaley.Cost{Instances: 3, Memory: 30, CPUs: 0.5, Start: 3 * time.Second}) {
			w.Errorf("%+v", c)
		}
	})
}

func TestOnlyTheLatestAreRemembered(t *testing.T) {
	play(t, func(w *world) {
		for n := range 1000 {
			w.book.Started(&whaley.Instance{ID: fmt.Sprint(n), Challenge: "web", Revision: "1"}, time.Duration(n)*time.Millisecond)
		}
		w.pass(time.Minute)
		if got := w.kept.all["web"]; len(got) != 64 || got[63].Instance != "999" {
			w.Errorf("%d are kept", len(got))
		}
	})
}
