package memtest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestARestartAdoptsWhatRunsAndStopsNothing(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.running("one", "web")
		before := w.service(in, "web")
		w.routes.all = nil // the edge has lost them
		w.start()
		if after := w.service(in, "web"); after.ID != before.ID || !after.Running {
			w.t.Errorf("its container was %+v and is %+v", before, after)
		}
		if names := w.routes.names(); len(names) != 1 || names[0] != in.ID {
			w.t.Errorf("routes lead to %q", names)
		}
		time.Sleep(time.Until(in.ExpiresAt) + 3*time.Second)
		if now := w.get(in.ID); now.State != whaley.Stopped || now.StopCause != whaley.CauseExpired {
			w.t.Errorf("after its end it is %s, %s", now.State, now.StopCause)
		}
	}, built("web"))
}

func TestARestartGoesOnWithAHalfMadeStart(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.spawn("one", "slow")
		time.Sleep(10 * time.Second)
		before := w.service(in, "web")
		w.start()
		w.until(in, whaley.Running)
		if after := w.service(in, "web"); after.ID != before.ID {
			w.t.Errorf("its container was %s and is %s", before.ID, after.ID)
		}
	}, built("slow", web("30s")))
}

func TestARestartGoesOnWithWhatWaitedAndWithWhatWasBeingStopped(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy.SpawnConcurrency = 1
		w.start()
		first, second, gone := w.spawn("one", "slow"), w.spawn("two", "slow"), w.spawn("three", "slow")
		time.Sleep(time.Second)
		w.end()
		if _, err := w.db.Update(
			w.t.Context(), gone.ID, []whaley.State{whaley.Queued}, func(in *whaley.Instance) { in.State = whaley.Stopping },
			whaley.Event{},
		); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		w.until(first, whaley.Running)
		w.until(second, whaley.Running)
		w.until(gone, whaley.Stopped)
	}, built("slow", web("9s")))
}

func TestWhatEndedWhileNoSidecarRanIsFoundAtTheStart(t *testing.T) {
	onEngine(t, func(w *world) {
		in, other := w.running("one", "web"), w.running("two", "web")
		w.end()
		if err := w.engine.RemoveContainer(w.t.Context(), w.service(in, "web").ID); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		if now := w.until(in, whaley.Stopped); now.StopCause != whaley.CauseLost {
			w.t.Errorf("it was stopped because of %q", now.StopCause)
		}
		if now := w.get(other.ID); now.State != whaley.Running {
			w.t.Errorf("the other one is %s", now.State)
		}
		w.stop(other)
		w.until(other, whaley.Stopped)
		w.nothingLeft()
	}, built("web"))
}

func TestWhatNoRowAsksForIsRemovedAndWhatIsNotOursIsNot(t *testing.T) {
	onEngine(t, func(w *world) {
		foreign := w.engine.WithPurpose("another's")
		if err := foreign.CreateVolume(w.t.Context(), "theirs", instancer.Labels{Instance: "unknown-2"}); err != nil {
			w.t.Fatal(err)
		}
		in := w.running("one", "web")
		w.end()
		if err := w.engine.CreateVolume(w.t.Context(), "ours", instancer.Labels{Instance: "unknown-1"}); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.subnets.Reserve(w.t.Context(), "unknown-3"); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.ports.Reserve(w.t.Context(), "unknown-4", "", "", []int{80}); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		if theirs, err := foreign.List(w.t.Context(), ""); err != nil || len(theirs) != 1 {
			w.t.Errorf("of another's are left %+v %v", theirs, err)
		}
		if now := w.get(in.ID); now.State != whaley.Running {
			w.t.Errorf("what has a row is %s", now.State)
		}
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
	}, built("web"))
}

func TestAServiceThatIsToGoOnIsStartedAgainAfterEverLongerPauses(t *testing.T) {
	service := web("0s")
	service.Restart = &whaley.Restart{Tries: 3}
	inMemory(t, func(w *world) {
		in := w.running("one", "web")
		for _, pause := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
			w.kill(in, "web")
			for ended := time.Now(); !w.service(in, "web").Running; synctest.Wait() {
				if time.Since(ended) > 2*pause {
					w.t.Fatalf(
						"it has not been started again %s after its end; the instance is %s", time.Since(ended), w.get(in.ID).State,
					)
				}
				time.Sleep(pause / 10)
				if running := w.service(in, "web").Running; running && time.Since(ended) < pause {
					w.t.Errorf("it was started again %s after its end", time.Since(ended))
				}
			}
		}
		w.kill(in, "web")
		if now := w.until(in, whaley.Stopped); now.StopCause != whaley.CauseLost {
			w.t.Errorf("after its last try it was stopped because of %q", now.StopCause)
		}
	}, built("web", service))
}
