package faulttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestNothingIsLostOrLeftWhateverStepIsTheLast tries every fault at every step, and prints what became of each.
func TestNothingIsLostOrLeftWhateverStepIsTheLast(t *testing.T) {
	began := time.Now()
	w := newWorld(t, 0)
	steps := baseline(w)
	if len(steps) < 20 {
		t.Fatalf("a spawn and a stop have only these steps: %v", steps)
	}
	type row struct{ step, fault, outcome string }
	var mu sync.Mutex
	var table []row
	const worlds = 4
	t.Run("each", func(t *testing.T) {
		for number := range worlds {
			t.Run(fmt.Sprint("world ", number), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, number+1)
				stay := w.bystander()
				for n, step := range steps {
					if n%worlds != number {
						continue
					}
					for _, fault := range []string{fails, diesBefore, diesAfter} {
						outcome := w.scenario(fmt.Sprintf("%s-%d", strings.ReplaceAll(fault, " ", ""), n), step, fault)
						stay()
						mu.Lock()
						table = append(table, row{step, fault, outcome})
						mu.Unlock()
					}
				}
			})
		}
	})
	slices.SortFunc(table, func(a, b row) int { return slices.Index(steps, a.step) - slices.Index(steps, b.step) })
	for _, r := range table {
		t.Logf("%-22s %-12s %s", r.step, r.fault, r.outcome)
	}
	t.Logf("%d steps, %d faults, all clean, in %s", len(steps), len(table), time.Since(began).Round(time.Second))
}

// baseline is the steps of a spawn and a stop without any fault.
func baseline(w *world) []string {
	w.t.Helper()
	s := w.start(newFaults("", ""))
	defer s.end()
	for _, name := range []string{"first", "counted"} { // the first also makes the image
		if w.pooled {
			w.size.Store(1)
			w.filled(s, 1)
		}
		if name == "counted" {
			s.arm()
		}
		if outcome := w.live(s, name); outcome != "ran and stopped" {
			w.t.Fatalf("without a fault it %s", outcome)
		}
	}
	w.clean("after the baseline")
	return s.steps()
}

// live spawns an instance, waits for what becomes of it, stops it, and waits again, as long as the process lives.
func (w *world) live(s *sidecar, name string) string {
	w.t.Helper()
	p := player(name)
	in, err := s.Spawn(context.Background(), p, w.challenge)
	if err != nil {
		return "refused: " + whaley.CodeOf(err)
	}
	if w.pooled {
		defer w.empty(s)
	}
	state := w.until(s, in.ID, whaley.Running, whaley.Failed)
	if state != whaley.Running {
		return "became " + string(state)
	}
	for {
		if _, err = s.Stop(context.Background(), p, in.ID); err == nil {
			break
		}
		select {
		case <-s.dead:
			return "died while it was stopped"
		case <-time.After(50 * time.Millisecond): // the player presses again
		}
	}
	return "ran and " + string(w.until(s, in.ID, whaley.Stopped))
}

// until waits for one of some states, or for the end of the process. What follows a state is waited for too: the lease.
func (w *world) until(s *sidecar, id string, states ...whaley.State) (last whaley.State) {
	w.t.Helper()
	testkit.Eventually(w.t, 60*time.Second, fmt.Sprint(id, " becomes one of ", states), func() error {
		select {
		case <-s.dead:
			last = "dead"
			return nil
		default:
		}
		in, err := w.db.Get(context.Background(), id)
		if err != nil {
			return err
		}
		if last = in.State; !slices.Contains(states, last) || s.Busy(id) {
			return fmt.Errorf("it is %s", last)
		}
		return nil
	})
	return last
}

// scenario lets one fault happen in the life of one instance, starts the next sidecar if it was deadly, and checks
// that nothing is left.
func (w *world) scenario(name, step, fault string) string {
	w.t.Helper()
	s := w.start(newFaults(step, fault))
	s.arm()
	outcome := w.live(s, name)
	if fault == fails {
		w.clean("after " + step + " " + fault)
		s.end()
		return outcome
	}
	select {
	case <-s.dead:
	case <-time.After(5 * time.Second):
		w.t.Errorf("%s never came", step)
	}
	s.end()
	next := w.start(newFaults("", ""))
	defer next.end()
	if w.pooled {
		defer w.empty(next) // with a network that rests the next scenario would make none
	}
	w.clean("after it " + fault + " " + step)
	for _, in := range w.settled() {
		if in.Owner.ID != name {
			continue
		}
		outcome = "was gone on with"
		if _, err := next.Stop(context.Background(), player(name), in.ID); err != nil {
			w.t.Error(err)
		}
		w.until(next, in.ID, whaley.Stopped)
		w.clean("after that was stopped")
		return outcome
	}
	return "was undone"
}

// bystander starts an instance that all faults must leave alone, and returns how to check it.
func (w *world) bystander() func() {
	w.t.Helper()
	s := w.start(newFaults("", ""))
	defer s.end()
	in, err := s.Spawn(context.Background(), player("bystander"), w.challenge)
	if err != nil {
		w.t.Fatal(err)
	}
	w.until(s, in.ID, whaley.Running)
	containers := func() []string {
		objects, err := w.engine.List(context.Background(), in.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		var ids []string
		for _, o := range objects {
			if o.Running {
				ids = append(ids, o.ID)
			}
		}
		return append(ids, w.holders(in.ID)...)
	}
	before := containers()
	return func() {
		w.t.Helper()
		now, err := w.db.Get(context.Background(), in.ID)
		if err != nil || now.State != whaley.Running || !slices.Equal(containers(), before) || len(before) != w.owns {
			w.t.Fatalf("the bystander is %+v with %v, and had %v", now, containers(), before)
		}
	}
}
