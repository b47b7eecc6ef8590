package instancer

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// drain takes every look that becomes due in a time, as one that is over at once and wants the next after a pause.
func (l *looks) drain(d, pause time.Duration) (taken []string) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for {
		id, due := l.next(ctx)
		if !due {
			return taken
		}
		taken = append(taken, id)
		l.done(id, true, pause)
	}
}

func TestAHintIsFollowedByAFewLooksHoweverManyCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks()
		for range 1000 {
			l.hint("a")
		}
		if taken := l.drain(time.Minute, 0); len(taken) != len(hintLooks) {
			t.Errorf("%d looks after a thousand hints at once", len(taken))
		}
	})
}

func TestHintsWhileAnInstanceIsLookedAtAreOneFurtherLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks()
		l.hint("a")
		id, _ := l.next(t.Context())
		for range 1000 {
			l.hint("a")
		}
		if _, _, due := l.waiting.first(time.Now()); due {
			t.Error("a second look at an instance may begin before the first is over")
		}
		began := time.Now()
		l.done(id, true, 0)
		if _, due := l.next(t.Context()); !due || time.Since(began) != lookPause {
			t.Errorf("the next look began %s after the last one", time.Since(began))
		}
	})
}

func TestLooksAtOneInstanceArePacedWhateverItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks()
		go func() {
			for range 10_000 { // a service that ends every millisecond
				l.hint("hog")
				time.Sleep(time.Millisecond)
			}
		}()
		if taken := l.drain(10*time.Second, time.Nanosecond); len(taken) > 110 {
			t.Errorf("%d looks in 10 s", len(taken))
		}
	})
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks()
		for n := range 100 {
			id := fmt.Sprint(n)
			l.hint(id)
			l.restarted(id, "web", func(restarts) restarts { return restarts{count: 3, next: time.Now().Add(time.Hour)} })
		}
		for n := range 50 {
			l.forget(fmt.Sprint(n))
		}
		l.keep(func(id string) bool { return id == "99" })
		if len(l.of) != 1 || len(l.waiting.at) != 1 || len(l.waiting.heap) != 1 {
			t.Errorf("of one instance %d, %d and %d are left", len(l.of), len(l.waiting.at), len(l.waiting.heap))
		}
		id, _ := l.next(t.Context())
		l.forget(id) // in the middle of a look
		l.done(id, false, 0)
		if len(l.of) != 0 {
			t.Error("it is remembered after its last look")
		}
	})
}

// TestWhatIsRememberedOfInstancesEndsWithThem fills every map that has instances as keys.
func TestWhatIsRememberedOfInstancesEndsWithThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := New(Needs{Log: slog.New(slog.DiscardHandler)}, Options{})
		for n := range 100 {
			in := &whaley.Instance{ID: fmt.Sprint("i", n)}
			i.looks.hint(in.ID)
			i.begin(t.Context(), whaley.OpSpawn, in)
		}
		time.Sleep(time.Hour)
		i.forgetGone([]*whaley.Instance{{ID: "i1", State: whaley.Starting}})
		if len(i.looks.of) != 1 || len(i.origins) != 1 {
			t.Errorf("of one instance %d and %d are left", len(i.looks.of), len(i.origins))
		}
	})
}
