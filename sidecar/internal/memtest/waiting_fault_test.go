package memtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var errDead = errors.New("this process is dead")

// death ends a life of a sidecar before, in or after one of its steps. What is dead does nothing any more, and in a
// step that is not its last the platform has begun what it was asked for.
type death struct {
	mu   sync.Mutex
	seen []string
	at   int    // the step that is the last; -1: none
	when string // before, after, or fails: then it goes on
	dead bool
}

func (d *death) step(name string, do func() error) error {
	d.mu.Lock()
	if d.dead {
		d.mu.Unlock()
		return errDead
	}
	here := len(d.seen) == d.at
	d.seen = append(d.seen, name)
	if here && d.when != "after" {
		d.dead = d.when == "before"
		d.mu.Unlock()
		if d.when == "fails" {
			return errors.New("a fault of the test")
		}
		return errDead
	}
	d.mu.Unlock()
	err := do()
	if here {
		d.mu.Lock()
		d.dead = true
		d.mu.Unlock()
		return errDead
	}
	return err
}

type dyingStore struct {
	instancer.Store
	d *death
}

func (s dyingStore) InsertClaiming(
	ctx context.Context, in *whaley.Instance, forms whaley.Forms, q whaley.Quota, ev whaley.Event,
) (claimed *whaley.Waiting, err error) {
	err = s.d.step("row inserted", func() error {
		claimed, err = s.Store.InsertClaiming(ctx, in, forms, q, ev)
		return err
	})
	return claimed, err
}

func (s dyingStore) Update(
	ctx context.Context, id string, from []whaley.State, change func(*whaley.Instance), ev whaley.Event,
) (in *whaley.Instance, err error) {
	err = s.d.step("row updated", func() error {
		in, err = s.Store.Update(ctx, id, from, change, ev)
		return err
	})
	return in, err
}

func (s dyingStore) AddWaiting(ctx context.Context, w *whaley.Waiting) error {
	return s.d.step("waiting row added", func() error { return s.Store.AddWaiting(ctx, w) })
}

func (s dyingStore) MoveWaiting(ctx context.Context, w *whaley.Waiting, to whaley.WaitingState) (moved bool, err error) {
	err = s.d.step("waiting row "+string(to), func() error {
		moved, err = s.Store.MoveWaiting(ctx, w, to)
		return err
	})
	return moved, err
}

func (s dyingStore) DropWaiting(ctx context.Context, id string) error {
	return s.d.step("waiting row dropped", func() error { return s.Store.DropWaiting(ctx, id) })
}

type dyingPlatform struct {
	instancer.Platform
	d *death
}

func (p dyingPlatform) Prepare(ctx context.Context, in *whaley.Instance, plan instancer.Plan, s instancer.Steps) error {
	return p.d.step("prepared", func() error { return p.Platform.Prepare(ctx, in, plan, s) })
}

func (p dyingPlatform) Claim(ctx context.Context, in *whaley.Instance, plan instancer.Plan, s instancer.Steps) error {
	return p.d.step("claimed", func() error { return p.Platform.Claim(ctx, in, plan, s) })
}

func (p dyingPlatform) StartService(ctx context.Context, id string) error {
	return p.d.step("service started", func() error { return p.Platform.StartService(ctx, id) })
}

func (p dyingPlatform) Remove(ctx context.Context, in *whaley.Instance) error {
	return p.d.step("removed", func() error { return p.Platform.Remove(ctx, in) })
}

// life is one in which something is made ahead, claimed, replaced, stopped and given up. It ends with the process.
func (w *world) life(d *death, owner string) {
	w.faulty = func(s instancer.Store, p instancer.Platform) (instancer.Store, instancer.Platform) {
		return dyingStore{s, d}, dyingPlatform{p, d}
	}
	w.policy = waitingPolicy(2)
	w.start()
	time.Sleep(3 * time.Second)
	if in, err := w.rules.Spawn(w.t.Context(), player(owner), "web"); err == nil {
		time.Sleep(3 * time.Second)
		_, _ = w.rules.Stop(w.t.Context(), player(owner), in.ID) // a player who finds it dead tries again later
		time.Sleep(3 * time.Second)
	}
	w.rules.SetPolicy(waitingPolicy(0))
	time.Sleep(11 * time.Second) // it looks every ten
	w.faulty, w.policy = nil, waitingPolicy(2)
	synctest.Wait()
}

// TestWhateverStepOfWaitingIsTheLastNothingIsLostOrDoubled tries a death at, and a fault of, each step.
func TestWhateverStepOfWaitingIsTheLastNothingIsLostOrDoubled(t *testing.T) {
	onEngineAndCluster(t, func(w *world) {
		all := &death{at: -1}
		w.life(all, "nobody dies")
		if len(all.seen) < 12 {
			w.t.Fatalf("a life has only these steps: %v", all.seen)
		}
		for at := range all.seen {
			for _, when := range []string{"before", "after", "fails"} {
				d := &death{at: at, when: when}
				owner := fmt.Sprint(when, at)
				w.life(d, owner)
				w.start() // the next sidecar
				time.Sleep(12 * time.Second)
				w.waiting(map[string]int{"web": 1})
				live, err := w.db.Live(w.t.Context(), "")
				if err != nil {
					w.t.Fatal(err)
				}
				for _, in := range live {
					if in.State != whaley.Running {
						w.t.Errorf("%s %s: %s is %s", when, d.seen[at], in.ID, in.State)
					}
					w.stop(in)
					w.until(in, whaley.Stopped)
				}
				w.waiting(map[string]int{"web": 1})
				w.rules.SetPolicy(waitingPolicy(0))
				w.waiting(map[string]int{})
				w.nothingLeft()
				if w.t.Failed() {
					w.t.Fatalf("when it %s at %s of %v", when, d.seen[at], d.seen)
				}
			}
		}
		w.t.Logf("%d steps, each with 3 faults: %v", len(all.seen), all.seen)
	}, built("web", whaley.Service{Name: "web"}, whaley.Service{Name: "db"}))
}
