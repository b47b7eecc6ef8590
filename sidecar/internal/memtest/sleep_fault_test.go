package memtest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func (s dyingStore) Wake(
	ctx context.Context, id string, q whaley.Quota, change func(*whaley.Instance), ev whaley.Event,
) (in *whaley.Instance, err error) {
	err = s.d.step("row woken", func() error {
		in, err = s.Store.Wake(ctx, id, q, change, ev)
		return err
	})
	return in, err
}

func (p dyingPlatform) Sleep(ctx context.Context, in *whaley.Instance) error {
	err := p.d.step("one service stopped", func() error {
		objects, err := p.List(ctx, in.ID)
		for _, o := range objects {
			if o.Kind == "container" && o.Running {
				return p.StopService(ctx, o.ID, 0)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.d.step("all stopped", func() error { return p.Platform.Sleep(ctx, in) })
}

func (p dyingPlatform) Wake(
	ctx context.Context, in *whaley.Instance, run func(context.Context, []instancer.Made) error,
) error {
	return p.d.step("woken", func() error { return p.Platform.Wake(ctx, in, run) })
}

// night is a life of a sidecar in which an instance falls asleep and is woken.
func (w *world) night(in *whaley.Instance, d *death) {
	w.faulty = func(s instancer.Store, p instancer.Platform) (instancer.Store, instancer.Platform) {
		return dyingStore{s, d}, dyingPlatform{p, d}
	}
	w.start()
	time.Sleep(in.Terms.Idle + 35*time.Second) // it is looked at every 15 s
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	// Whoever finds it dead opens it again later.
	_, _ = w.rules.Wake(ctx, whaley.HostQuery{Host: w.address(in), Player: player(in.Owner.ID)})
	time.Sleep(3 * time.Second)
	w.faulty = nil
	synctest.Wait()
}

// TestWhateverStepOfSleepIsTheLastNothingIsLost tries a death at, and a fault of, each step of falling asleep and of
// being woken. What a container has written is in it: it must be the same one.
func TestWhateverStepOfSleepIsTheLastNothingIsLost(t *testing.T) {
	ch := sleepy()
	ch.Timeout = 24 * time.Hour
	onEngineAndCluster(t, func(w *world) {
		in := w.running("ada", "web")
		all := &death{at: -1}
		w.night(in, all)
		w.start()
		if len(all.seen) < 8 {
			w.t.Fatalf("a night has only these steps: %v", all.seen)
		}
		before, _ := w.containers(in)
		for at := range all.seen {
			for _, when := range []string{"before", "after", "fails"} {
				d := &death{at: at, when: when}
				w.night(in, d)
				w.start() // the next sidecar
				time.Sleep(15 * time.Second)
				synctest.Wait()
				now := w.get(in.ID)
				if _, run := w.containers(in); (now.State == whaley.Sleeping) != (len(run) == 0) ||
					now.State != whaley.Sleeping && now.State != whaley.Running {
					w.t.Errorf("it is %s, and of it run %v", now.State, run)
				}
				view := w.opens(in)
				synctest.Wait() // routes follow
				after, run := w.containers(in)
				if view.State != whaley.Running || !maps.Equal(before, after) ||
					fmt.Sprint(run) != "map[db:true web:true]" || len(w.routes.names()) != 1 {
					w.t.Errorf("opened it is %s with %v of %v, of which run %v", view.State, after, before, run)
				}
				if w.t.Failed() {
					w.t.Fatalf("when it %s at %d of %v", when, at, d.seen)
				}
			}
		}
		w.t.Logf("%d steps, each with 3 faults: %v", len(all.seen), all.seen)
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
	}, ch)
}
