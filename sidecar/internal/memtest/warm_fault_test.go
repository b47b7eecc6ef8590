package memtest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// warmLife is one in which something is started ahead, claimed, replaced, stopped and given up. It ends with the
// process, and says whether the owner was given an instance.
func (w *world) warmLife(d *death, owner string) (given bool) {
	w.faulty = func(s instancer.Store, p instancer.Platform) (instancer.Store, instancer.Platform) {
		return dyingStore{s, d}, dyingPlatform{p, d}
	}
	w.policy = waitingPolicy(1)
	w.start()
	time.Sleep(boots + time.Second)
	in, err := w.rules.Spawn(w.t.Context(), player(owner), "java")
	if err == nil {
		time.Sleep(boots + time.Second)
		_, _ = w.rules.Stop(w.t.Context(), player(owner), in.ID) // a player who finds it dead tries again later
		time.Sleep(3 * time.Second)
	}
	w.rules.SetPolicy(waitingPolicy(0))
	time.Sleep(11 * time.Second) // it looks every ten
	w.faulty, w.policy = nil, waitingPolicy(1)
	synctest.Wait()
	return err == nil
}

// TestWhateverStepOfBeingWarmIsTheLastNoFlagIsLostOrDoubled tries a death at, and a fault of, each step. auditFlags
// finds what two have and what nobody should have.
func TestWhateverStepOfBeingWarmIsTheLastNoFlagIsLostOrDoubled(t *testing.T) {
	onEngineAndCluster(t, func(w *world) {
		all := &death{at: -1}
		w.warmLife(all, "nobody dies")
		if len(all.seen) < 15 {
			w.t.Fatalf("a life has only these steps: %v", all.seen)
		}
		for at := range all.seen {
			for _, when := range []string{"before", "after", "fails"} {
				d := &death{at: at, when: when}
				owner := fmt.Sprint(when, at)
				given := w.warmLife(d, owner)
				w.start() // the next sidecar
				time.Sleep(2 * boots)
				w.warm(1)
				live, err := w.db.Live(w.t.Context(), "")
				if err != nil {
					w.t.Fatal(err)
				}
				if w.flagOf(owner, "java") != "" && !given && len(live) == 0 {
					w.t.Error("there is a flag without its instance")
				}
				for _, in := range live {
					if in.State != whaley.Running {
						w.t.Errorf("%s is %s", in.ID, in.State)
					}
					w.stop(in)
					w.until(in, whaley.Stopped)
				}
				w.rules.SetPolicy(waitingPolicy(0))
				w.warm(0)
				w.waiting(map[string]int{})
				w.nothingLeft()
				if w.t.Failed() {
					w.t.Fatalf("when it %s at %s of %v", when, d.seen[at], d.seen)
				}
			}
		}
		w.t.Logf("%d steps, each with 3 faults: %v", len(all.seen), all.seen)
	}, slow("java", 1))
}
