package solver_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// counted is what metrics are told.
type counted struct {
	mu  sync.Mutex
	all []string
}

func (c *counted) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, what)
}

func (c *counted) Done(operation, challenge string, _ time.Duration, err error) {
	c.add(fmt.Sprint(operation, " ", challenge, " ", whaley.CodeOf(err)))
}
func (c *counted) Waited(time.Duration) { c.add("waited") }
func (c *counted) Leaked(kind string)   { c.add("leaked " + kind) }

// TestMetricsTellOfPlayersOnly has a solver, a team of a rehearsal that starts, one that is refused, and a player.
func TestMetricsTellOfPlayersOnly(t *testing.T) {
	ch := solved("web")
	play(t, func(w *world) {
		w.box.do = func(context.Context, whaley.SolverJob, io.Writer) (int, error) { return 1, nil }
		w.run(time.Minute)
		team, late := whaley.RehearsalTeam("1", 0), whaley.RehearsalTeam("1", 1)
		in, err := w.rules.Spawn(w.Context(), team, "web")
		if err == nil {
			in, err = w.rules.AwaitState(w.Context(), in, whaley.Running)
		}
		if err != nil || in.State != whaley.Running {
			w.Fatalf("%+v %v", in, err)
		}
		if _, err := w.rules.Spawn(w.Context(), late, "web"); whaley.CodeOf(err) != whaley.CodeHostFull {
			w.Errorf("the host is not full: %v", err)
		}
		if _, err := w.rules.Stop(w.Context(), late, "another"); err == nil {
			w.Error("stopped what is not there")
		}
		if _, err := w.rules.Stop(w.Context(), team, in.ID); err != nil {
			w.Fatal(err)
		}
		if _, err := w.rules.AwaitState(w.Context(), in, whaley.Stopped); err != nil {
			w.Fatal(err)
		}
		if len(w.counted.all) > 0 {
			w.Errorf("of those who are no players: %q", w.counted.all)
		}
		ann := whaley.Player{ID: "ann", Owner: whaley.Owner{ID: "ann"}}
		if in, err = w.rules.Spawn(w.Context(), ann, "web"); err == nil {
			_, err = w.rules.AwaitState(w.Context(), in, whaley.Running)
		}
		if want := []string{"waited", "spawn web "}; err != nil || !slices.Equal(w.counted.all, want) {
			w.Errorf("of a player: %q, want %q: %v", w.counted.all, want, err)
		}
	}, ch)
}
