package memtest

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAServiceThatEndsFailsItsStartAndBacksOffEverLonger(t *testing.T) {
	service := whaley.Service{Name: "web", Environment: []string{"EXIT=3", "PRINT=no database"}}
	inMemory(t, func(w *world) {
		for _, pause := range []time.Duration{
			5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute,
		} {
			failed := w.until(w.spawn("one", "crash"), whaley.Failed)
			if failed.Reason == nil || failed.Reason.Code != "service_exited" ||
				!strings.Contains(failed.Reason.Detail, "exit code 3") || failed.Reason.RetryAfter != pause {
				w.t.Errorf("it failed because of %+v, want a pause of %s", failed.Reason, pause)
			}
			w.nothingLeft()
			_, err := w.rules.Spawn(w.t.Context(), player("one"), "crash")
			var again *whaley.Error
			if !errors.As(err, &again) || again.Code != "service_exited" || again.RetryAfter > pause ||
				again.RetryAfter < pause-time.Second {
				w.t.Errorf("at once again: %v", err)
			}
			other := w.until(w.spawn("other"+pause.String()[:1], "web"), whaley.Running) // others are not held up
			w.stop(other)
			w.until(other, whaley.Stopped)
			time.Sleep(time.Until(failed.EndedAt.Add(pause)) + 10*time.Millisecond)
		}
	}, built("crash", service), built("web"))
}

func TestAStartThatNeverGetsReadyIsGivenUpInTime(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy.StartTimeout = 40 * time.Second
		w.start()
		failed := w.until(w.spawn("one", "hangs"), whaley.Failed)
		if took := failed.EndedAt.Sub(failed.CreatedAt).Round(time.Second); took != 40*time.Second ||
			failed.Reason.Code != whaley.CodeStartTimeout ||
			!strings.Contains(failed.Reason.Detail, "waits for web to open port 80") {
			w.t.Errorf("after %s: %v", took, failed.Reason)
		}
		w.nothingLeft()
	}, built("hangs", web("never")))
}

func TestWhatSomebodyElseTookIsTriedElsewhere(t *testing.T) {
	ch := built("nc")
	ch.Routes = []whaley.Route{{Service: "web", Port: 9000, Type: whaley.RoutePort}}
	onEngine(t, func(w *world) {
		// Another one's container has the port that is next, and its network all of the pool but the last parts.
		foreign := w.engine.WithPurpose("another's")
		first := w.running("one", "nc")
		taken := containers.ContainerSpec{
			Name: "theirs", Service: ch.Services[0], Publish: map[int]int{1: first.Ports[9000] + 1},
		}
		id, err := foreign.CreateContainer(w.t.Context(), taken)
		if err == nil {
			err = foreign.StartContainer(w.t.Context(), id)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		second := w.running("two", "nc")
		if second.Ports[9000] != first.Ports[9000]+2 {
			w.t.Errorf("it has port %d, the one before %d", second.Ports[9000], first.Ports[9000])
		}
		for _, in := range []*whaley.Instance{first, second} {
			w.stop(in)
			w.until(in, whaley.Stopped)
		}
		w.nothingLeft()
	}, ch)
}

func TestAnInstanceThatEndsItselfAgainAndAgainBacksOff(t *testing.T) {
	inMemory(t, func(w *world) {
		for range 2 {
			in := w.running("one", "web")
			w.kill(in, "web")
			if now := w.until(in, whaley.Stopped); now.StopCause != whaley.CauseLost {
				w.t.Errorf("it was stopped because of %q", now.StopCause)
			}
		}
		synctest.Wait()
		if _, err := w.rules.Spawn(w.t.Context(), player("one"), "web"); whaley.CodeOf(err) != "lost_again" {
			w.t.Errorf("after the second end: %v", err)
		}
		time.Sleep(6 * time.Second)
		w.running("one", "web")
	}, built("web"))
}
