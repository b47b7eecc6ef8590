package memtest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ready lets time pass until as many sandboxes are ready.
func (w *world) ready(want int) {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) {
		synctest.Wait()
		all, err := w.db.Sandboxes(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		ready := 0
		for _, sb := range all {
			if sb.State == whaley.SandboxReady {
				ready++
			}
		}
		if ready == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d sandboxes are ready, not %d: %+v", ready, want, all)
		}
	}
}

// sandbox is the one that an instance has, or nil.
func (w *world) sandbox(in *whaley.Instance) *whaley.Sandbox {
	w.t.Helper()
	all, err := w.db.Sandboxes(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, sb := range all {
		if sb.State == whaley.SandboxTaken && sb.Instance == in.ID {
			return sb
		}
	}
	return nil
}

// breakSandbox ends the holder that has the network of an instance's service.
func (w *world) breakSandbox(sb *whaley.Sandbox, service string) {
	w.t.Helper()
	if err := w.engine.WithPurpose("sandbox").StopContainer(w.t.Context(), sb.Holder(service), 0); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func TestAStartTakesASandboxThatIsReadyAndAnotherTakesItsPlace(t *testing.T) {
	onEngine(t, func(w *world) {
		w.pool = 2
		w.start()
		w.ready(2)
		in := w.running("one", "web")
		sb := w.sandbox(in)
		if sb == nil || in.Subnet != sb.Subnet {
			w.t.Fatalf("it is on %s and has the sandbox %+v", in.Subnet, sb)
		}
		w.ready(2)
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
		if left := w.sandbox(in); left != nil {
			w.t.Errorf("it still has the sandbox %+v", left)
		}
	}, built("web"))
}

func TestAStartWhoseSandboxBreaksGoesOnWithoutIt(t *testing.T) {
	onEngine(t, func(w *world) {
		w.pool = 1
		w.start()
		w.ready(1)
		in := w.spawn("one", "slow")
		time.Sleep(5 * time.Second)
		sb := w.sandbox(in)
		if sb == nil {
			w.t.Fatal("it has no sandbox")
		}
		w.breakSandbox(sb, "web")
		now := w.until(in, whaley.Running)
		if now.Subnet == sb.Subnet || w.sandbox(in) != nil {
			w.t.Errorf("it is on %s, where the broken sandbox was: %s", now.Subnet, sb.Subnet)
		}
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
	}, built("slow", web("20s")))
}

func TestARunningInstanceWhoseSandboxBreaksIsLost(t *testing.T) {
	onEngine(t, func(w *world) {
		w.pool = 1
		w.start()
		w.ready(1)
		in := w.running("one", "web")
		w.breakSandbox(w.sandbox(in), "web")
		if now := w.until(in, whaley.Stopped); now.StopCause != whaley.CauseLost {
			w.t.Errorf("it was stopped because of %q", now.StopCause)
		}
		w.nothingLeft()
	}, built("web"))
}

func TestARestartKeepsTheSandboxOfWhatRunsAndOfWhatIsHalfMade(t *testing.T) {
	onEngine(t, func(w *world) {
		w.pool = 2
		w.start()
		w.ready(2)
		running, starting := w.running("one", "web"), w.spawn("two", "web2")
		time.Sleep(3 * time.Second)
		had := w.sandbox(starting)
		if had == nil || w.sandbox(running) == nil {
			w.t.Fatalf("%+v %+v", had, w.sandbox(running))
		}
		w.start()
		if now := w.until(starting, whaley.Running); now.Subnet != had.Subnet {
			w.t.Errorf("it was begun on %s and is on %s", had.Subnet, now.Subnet)
		}
		if w.sandbox(running) == nil || w.get(running.ID).State != whaley.Running {
			w.t.Errorf("what ran is %s, with %+v", w.get(running.ID).State, w.sandbox(running))
		}
	}, built("web"), built("web2", web("20s")))
}
