package faulttest

import (
	"context"
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestAStartThatWasCutShortGoesOnWithWhatIsThere: sidecars that die every few seconds would otherwise undo for ever what
// the one before had made. What may not be complete is made anew all the same.
func TestAStartThatWasCutShortGoesOnWithWhatIsThere(t *testing.T) {
	for name, world := range map[string]func(t *testing.T, number int) *world{
		"with a network of its own": newWorld,
		"in a sandbox":              func(t *testing.T, number int) *world { return newPooledWorld(t, 2+number, false) },
	} {
		t.Run(name, func(t *testing.T) {
			for number, c := range []struct {
				after string
				stays []string // kinds of objects
			}{
				{"container started #1", []string{"container", "network"}},
				{"container made #1", []string{"network"}},
			} {
				t.Run(c.after, func(t *testing.T) {
					t.Parallel()
					w := world(t, number)
					ids := func(instance string) map[string][]string {
						t.Helper()
						objects, err := w.engine.List(context.Background(), instance)
						if err != nil {
							t.Fatal(err)
						}
						all := map[string][]string{}
						for _, o := range objects {
							all[o.Kind] = append(all[o.Kind], o.ID)
						}
						return all
					}
					s := w.start(newFaults(c.after, diesAfter))
					s.arm()
					in, err := s.Spawn(context.Background(), player("cut-short"), w.challenge)
					if err != nil {
						t.Fatal(err)
					}
					<-s.dead
					s.end()
					half, holders := ids(in.ID), w.holders(in.ID)
					if len(half["container"]) != 1 {
						t.Fatalf("it was cut short with %v", half)
					}
					next := w.start(newFaults("", ""))
					defer next.end()
					w.until(next, in.ID, whaley.Running)
					whole := ids(in.ID)
					for kind := range whole {
						if same := slices.Equal(whole[kind], half[kind]); (kind == "container" || kind == "network") &&
							same != slices.Contains(c.stays, kind) {
							t.Errorf("%s of before %v, now %v", kind, half[kind], whole[kind])
						}
					}
					if now := w.holders(in.ID); !slices.Equal(now, holders) {
						t.Errorf("it was in %v, and is in %v", holders, now)
					}
					w.clean("but what runs")
					if _, err := next.Stop(context.Background(), player("cut-short"), in.ID); err != nil {
						t.Fatal(err)
					}
					w.until(next, in.ID, whaley.Stopped)
					w.clean("after it was stopped")
				})
			}
		})
	}
}
