package instancer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// works are turns whose work takes a time.
type works struct {
	*turns
	t     *testing.T
	ended map[string]time.Time
	errs  map[string]error
}

func newWorks(t *testing.T, slots int, longest time.Duration) *works {
	w := &works{
		turns: newTurns(func() (int, time.Duration) { return slots, longest }), t: t, ended: map[string]time.Time{},
		errs: map[string]error{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { w.run(ctx); close(over) }()
	t.Cleanup(func() { cancel(); <-over })
	return w
}

// add has something built for a time, that begins anew in each turn; 0: for ever.
func (w *works) add(challenge string, takes time.Duration, asked int) *turn {
	one := &turn{challenge: challenge, revision: "1", asked: asked}
	one.work = func(ctx context.Context) error {
		if takes == 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return loop.Sleep(ctx, takes)
	}
	one.ended = func(err error) { w.mu.Lock(); w.ended[challenge], w.errs[challenge] = time.Now(), err; w.mu.Unlock() }
	w.turns.add(one)
	return one
}

func (w *works) within(challenge string, d time.Duration) {
	w.t.Helper()
	asked := time.Now()
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, has := w.ended[challenge]; !has || w.errs[challenge] != nil || at.Sub(asked) > d {
		w.t.Errorf("%s is not built within %s: %v %v", challenge, d, has, w.errs[challenge])
	}
}

func TestWhatIsWaitedForIsBuiltFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 2, time.Hour)
		for n := range 500 {
			w.add(fmt.Sprint("c", n), 2*time.Second, 0)
		}
		last := w.add("last", 2*time.Second, 0)
		w.ask(last, 1)
		w.within("last", 3*time.Second)
	})
}

func TestOneSlotIsKeptForWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 2, time.Hour)
		for n := range 10 {
			w.add(fmt.Sprint("endless", n), 0, 0)
		}
		for n := range 5 {
			name := fmt.Sprint("quick", n)
			w.add(name, 5*time.Second, 1)
			w.within(name, 6*time.Second)
		}
	})
}

func TestBuildsWithoutEndHoldUpNothingThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, asked := range []int{0, 1} {
			w := newWorks(t, 2, time.Hour)
			for n := range 6 {
				w.add(fmt.Sprint("endless", n), 0, asked)
			}
			time.Sleep(10 * time.Minute)
			for n := range 5 {
				name := fmt.Sprint("quick", n)
				w.add(name, 20*time.Second, asked)
				w.within(name, firstTurn+21*time.Second)
			}
			w.add("long", 5*time.Minute, asked)
			w.within("long", 40*time.Minute)
		}
	})
}

func TestABuildEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 2, 10*time.Minute)
		began := time.Now()
		w.add("endless", 0, 1)
		w.add("other", 0, 1)
		w.add("third", 0, 0)
		time.Sleep(time.Hour)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, name := range []string{"endless", "other", "third"} {
			if at := w.ended[name]; whaley.CodeOf(w.errs[name]) != "build_timeout" || at.Sub(began) > 31*time.Minute {
				t.Errorf("%s ended after %s with %v", name, at.Sub(began), w.errs[name])
			}
		}
	})
}

func TestOfOneChallengeThereIsOneBuildAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 4, time.Hour)
		for range 10 {
			w.add("hog", 0, 1)
		}
		synctest.Wait()
		w.mu.Lock()
		running := len(w.running)
		w.mu.Unlock()
		if running != 1 {
			t.Errorf("%d builds of one challenge at a time", running)
		}
		w.add("other", time.Second, 1)
		w.within("other", 2*time.Second)
	})
}

func TestWhatNobodyWantsIsNotBuiltOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 2, time.Hour)
		for _, name := range []string{"a", "b", "c", "d"} {
			w.add(name, 0, 1)
		}
		time.Sleep(90 * time.Second) // some give way to others just then
		w.drop(func(one *turn) bool { return one.challenge != "d" }, errUnwanted)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, name := range []string{"a", "b", "c"} {
			if !errors.Is(w.errs[name], errUnwanted) {
				t.Errorf("%s: %v", name, w.errs[name])
			}
		}
		if len(w.running) != 1 || len(w.waiting) != 0 {
			t.Errorf("%d are built and %d wait", len(w.running), len(w.waiting))
		}
	})
}

func TestAtTheEndWhatIsNotBuiltIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, told := newTurns(func() (int, time.Duration) { return 2, 0 }), 0
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { turns.run(ctx); close(over) }()
		add := func(name string) {
			turns.add(&turn{
				challenge: name, work: func(ctx context.Context) error { return loop.Sleep(ctx, time.Hour) }, ended: func(err error) {
					if errors.Is(err, errShutdown) {
						told++
					}
				},
			})
		}
		for n := range 5 {
			add(fmt.Sprint(n))
		}
		synctest.Wait()
		cancel()
		<-over
		if add("late"); told != 6 {
			t.Errorf("%d of 6 were told", told)
		}
	})
}

func TestTheEstimateOfABuildGrowsWithWhatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorks(t, 2, time.Hour)
		endless := w.add("endless", 0, 1)
		synctest.Wait()
		if left := w.left(endless); left != firstBuild {
			t.Errorf("at its beginning it is said to take %s", left)
		}
		time.Sleep(10 * time.Minute)
		if left := w.left(endless); left < 10*time.Minute || left > 50*time.Minute {
			t.Errorf("after ten minutes it is said to take %s more", left)
		}
		w.add("second", 0, 1)
		synctest.Wait()
		if left := w.left(w.add("third", time.Second, 1)); left < firstBuild || left > 2*time.Minute {
			t.Errorf("behind two builds without end one is said to take %s", left)
		}
	})
}
