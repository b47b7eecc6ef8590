package fairtest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// answering is a challenge whose instances all answer: one server on all of the loopback network.
func answering(t *testing.T, id string) *whaley.Challenge {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	ch := built(id)
	ch.Routes = []whaley.Route{{Service: "web", Port: l.Addr().(*net.TCPAddr).Port, Type: whaley.RouteHTTP}}
	return ch
}

// open opens a player's address of a challenge and waits until it runs or is refused.
func (w *world) open(name, challenge string) whaley.HostView {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	ch, _ := w.loaded.Get(challenge)
	view, err := w.rules.Wake(
		ctx, whaley.HostQuery{Host: w.rules.Host(challenge, ch.Routes[0], name), Player: player(name)},
	)
	w.try(err)
	return view
}

// lose ends all containers of an instance and waits until it is gone.
func (w *world) lose(id string) *whaley.Instance {
	w.t.Helper()
	objects, err := w.engine.Engine.List(w.t.Context(), id)
	w.try(err)
	for _, o := range objects {
		if o.Kind == "container" {
			w.try(w.engine.StopContainer(w.t.Context(), o.ID, 0))
		}
	}
	return w.until(id, whaley.Stopped)
}

// TestWhatEndsItselfIsOpenedAgainAtOnceTheFirstTimeAndThenEverMoreRarely ends an instance from inside, and opens it.
func TestWhatEndsItselfIsOpenedAgainAtOnceTheFirstTimeAndThenEverMoreRarely(t *testing.T) {
	w := newWorld(t, whaley.Policy{}, answering(t, "fragile"))
	w.lose(w.open("honest", "fragile").Instance.ID)
	if view := w.open("honest", "fragile"); view.State != wire.StateRunning {
		t.Fatalf("lost once, and then it is %s: %v", view.State, view.Problem)
	}
	before := w.open("hog", "fragile")
	w.lose(before.Instance.ID)
	again := w.open("hog", "fragile")
	if lost := w.lose(again.Instance.ID); lost.Losses != 2 || lost.StopCause != whaley.CauseLost {
		t.Fatalf("%d losses by %s", lost.Losses, lost.StopCause)
	}
	refused := func(when string) {
		t.Helper()
		view := w.open("hog", "fragile")
		if view.State != wire.StateFailed || view.Problem == nil || view.Problem.Code != "lost_again" ||
			view.Problem.RetryAfter <= 0 || view.Problem.RetryAfter > 5*time.Second {
			t.Errorf("%s: %s %+v", when, view.State, view.Problem)
		}
		if _, err := w.rules.Spawn(t.Context(), player("hog"), "fragile"); whaley.CodeOf(err) != "lost_again" {
			t.Errorf("%s, from the dashboard: %v", when, err)
		}
	}
	refused("opened at once")
	w.end()
	w.run(whaley.Policy{})
	refused("opened after a restart")
	if in, err := w.rules.SpawnFor(t.Context(), whaley.Owner{ID: "hog"}, "organiser", "fragile"); err != nil {
		t.Errorf("an organiser is refused: %v", err)
	} else if w.until(in.ID, whaley.Running); w.lose(in.ID).Reason.RetryAfter != 10*time.Second {
		t.Errorf("the next back-off is %s", w.get(in.ID).Reason.RetryAfter)
	}
	if view := w.open("honest", "fragile"); view.State != wire.StateRunning {
		t.Errorf("somebody else's is %s: %v", view.State, view.Problem)
	}
}

// TestStartsAreCountedByWhateverWayTheyAreAskedFor lets a player open addresses and press buttons.
func TestStartsAreCountedByWhateverWayTheyAreAskedFor(t *testing.T) {
	w := newWorld(t, whaley.Policy{StartsPerMinute: 3}, answering(t, "a"), answering(t, "b"))
	for n := range 3 {
		if view := w.open("hog", "a"); view.State != wire.StateRunning {
			t.Fatalf("start %d is %s: %v", n, view.State, view.Problem)
		} else if _, err := w.rules.Stop(t.Context(), player("hog"), view.Instance.ID); err != nil {
			t.Fatal(err)
		} else {
			w.until(view.Instance.ID, whaley.Stopped)
		}
	}
	if view := w.open("hog", "b"); view.Problem == nil || view.Problem.Code != "too_fast" ||
		view.Problem.RetryAfter <= 0 || view.Problem.RetryAfter > time.Minute {
		t.Errorf("the fourth start within a minute, by its address: %s %+v", view.State, view.Problem)
	}
	if _, err := w.rules.Spawn(t.Context(), player("hog"), "b"); whaley.CodeOf(err) != "too_fast" {
		t.Errorf("the fourth start within a minute, by the dashboard: %v", err)
	}
	if view := w.open("honest", "b"); view.State != wire.StateRunning {
		t.Errorf("somebody else is refused: %v", view.Problem)
	}
}
