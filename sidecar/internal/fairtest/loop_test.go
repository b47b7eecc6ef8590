package fairtest

import (
	"runtime"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// crashing is a challenge with services that end as soon as they are started, and one that goes on.
func crashing(id string, loops int) *whaley.Challenge {
	services := []whaley.Service{{Name: "web"}}
	for n := range loops {
		services = append(services, whaley.Service{
			Name: "l" + string(rune('1'+n)), Restart: &whaley.Restart{}, Environment: []string{"EXIT=1"},
		})
	}
	return built(id, services...)
}

// TestServicesThatEndAgainAndAgainLeaveOneLookAtAnInstance lets five services of three instances crash in a loop.
func TestServicesThatEndAgainAndAgainLeaveOneLookAtAnInstance(t *testing.T) {
	w := newWorld(t, whaley.Policy{}, crashing("loop", 5), built("honest"))
	w.until(w.spawn("warm", "honest").ID, whaley.Running)
	before := goroutines()
	var ids []string
	for _, owner := range []string{"a", "b", "c"} {
		in := w.until(w.spawn(owner, "loop").ID, whaley.Running)
		ids = append(ids, in.ID)
	}
	most, longest := 0, time.Duration(0)
	began := time.Now()
	for time.Since(began) < 4*time.Second {
		most = max(most, runtime.NumGoroutine())
		asked := time.Now()
		if _, err := w.rules.List(t.Context(), player("warm")); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(asked))
		time.Sleep(20 * time.Millisecond)
	}
	for _, id := range ids {
		// Each pair of looks has a pause, and the pauses before a restart double.
		if looks := w.engine.counted("list " + id); looks > 60 {
			t.Errorf("%s was looked at %d times in 4 s", id, looks)
		}
		if in := w.get(id); in.State != whaley.Running {
			t.Errorf("%s is %s, although what its services lack is to be started again", id, in.State)
		}
	}
	t.Logf(
		"%d goroutines before, %d at the most; %d restarts; the slowest list took %s", before, most,
		w.engine.counted("start"), longest,
	)
	if most > before+20 {
		t.Errorf("%d goroutines, and %d before", most, before)
	}
	if w.engine.counted("start") < 3*6+3*5*3 {
		t.Errorf("%d starts of containers: services are not started again", w.engine.counted("start"))
	}
	for _, in := range ids {
		stopped, err := w.rules.StopAny(t.Context(), in)
		w.try(err)
		w.until(stopped.ID, whaley.Stopped)
	}
	if after := goroutines(); after > before+2 {
		t.Errorf("%d goroutines when all is stopped, and %d before", after, before)
	}
}
