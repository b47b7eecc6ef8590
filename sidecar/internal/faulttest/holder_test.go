package faulttest

import (
	"context"
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestAStartWhoseSandboxBreaksGoesOnWithoutIt ends the holder of a service that has been started, which then runs on
// without a network: during the start, and between two lives of the sidecar. Nobody waits for the end of START_TIMEOUT,
// which is twice what the test waits.
func TestAStartWhoseSandboxBreaksGoesOnWithoutIt(t *testing.T) {
	for number, c := range []struct{ name, fault string }{
		{"during the start", goesOn}, {"while no sidecar ran", diesAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, fault := context.Background(), c.fault
			w := newPooledWorld(t, number, false)
			f := newFaults("container started #1", fault)
			var broken []string
			breakIt := func() {
				live, err := w.db.Live(ctx, "")
				if err != nil || len(live) != 1 {
					t.Errorf("%v %v", live, err)
					return
				}
				broken = w.holders(live[0].ID)
				objects, err := w.engine.WithPurpose("sandbox").List(ctx, "")
				for _, o := range objects {
					if err == nil && o.Kind == "container" && slices.Contains(broken, o.ID) {
						err = w.engine.WithPurpose("sandbox").StopContainer(ctx, o.ID, 0)
					}
				}
				if err != nil || len(broken) != 2 { // the holder and its network
					t.Errorf("%v %v", broken, err)
				}
			}
			f.meanwhile = breakIt
			s := w.start(f)
			s.arm()
			in, err := s.Spawn(ctx, player("unlucky"), w.challenge)
			if err != nil {
				t.Fatal(err)
			}
			if fault == diesAfter {
				<-s.dead
				s.end()
				breakIt()
				s = w.start(newFaults("", ""))
			}
			defer func() { s.end() }()
			if got := w.until(s, in.ID, whaley.Running, whaley.Failed); got != whaley.Running {
				t.Fatalf("it is %s", got)
			}
			for _, id := range w.holders(in.ID) {
				if slices.Contains(broken, id) {
					t.Errorf("it is still in what is broken: %s", id)
				}
			}
			if _, err := s.Stop(ctx, player("unlucky"), in.ID); err != nil {
				t.Fatal(err)
			}
			w.until(s, in.ID, whaley.Stopped)
			w.clean("after it was stopped")
		})
	}
}
