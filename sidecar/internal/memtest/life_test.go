package memtest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAnInstanceStartsIsReachedAndLeavesNothingWhenItIsStopped(t *testing.T) {
	db := whaley.Service{
		Name: "db", Environment: []string{"OPENS=20s"}, Health: &whaley.Health{Test: []string{"check"}, Timeout: time.Second},
	}
	front := web("3s")
	front.DependsOn = []whaley.Dependency{{Service: "db", Condition: whaley.ConditionHealthy}}
	ch := built("shop", front, db)
	ch.Volumes = []string{"data"}
	ch.Routes = append(ch.Routes, whaley.Route{Name: "nc", Service: "web", Port: 9000, Type: whaley.RoutePort})
	inMemory(t, func(w *world) {
		in := w.running("one", "shop")
		if took := in.StartedAt.Sub(in.CreatedAt); took < 23*time.Second || took > 25*time.Second {
			w.t.Errorf("web, which is ready 3s after its start and waits for db, which takes 20s: after %s", took)
		}
		if w.routes.all[in.ID] != in.Addresses["web"].String()+":80" || w.routes.all[in.ID+"-nc"] == "" || in.Ports[9000] == 0 {
			w.t.Errorf("routes %v, addresses %v, ports %v", w.routes.all, in.Addresses, in.Ports)
		}
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
	}, ch)
}

func TestAnInstanceEndsWhenItsTimeIsOverAndNotBefore(t *testing.T) {
	inMemory(t, func(w *world) {
		in, longer := w.running("one", "web"), w.running("two", "web")
		time.Sleep(time.Until(in.ExpiresAt) - 10*time.Minute)
		if _, err := w.rules.Extend(w.t.Context(), player("two"), longer.ID); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Until(in.ExpiresAt) - time.Second)
		synctest.Wait()
		if now := w.get(in.ID); now.State != whaley.Running {
			w.t.Errorf("a second before its end it is %s", now.State)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if now := w.get(in.ID); now.State != whaley.Stopped || now.StopCause != whaley.CauseExpired {
			w.t.Errorf("two seconds after its end it is %s, %s", now.State, now.StopCause)
		}
		if now := w.get(longer.ID); now.State != whaley.Running {
			w.t.Errorf("the one that was extended is %s", now.State)
		}
	}, built("web"))
}

func TestWhatIsStoppedWhileItStartsLeavesNothing(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.spawn("one", "slow")
		time.Sleep(10 * time.Second)
		if now := w.get(in.ID); now.State != whaley.Starting || len(w.objects(in.ID)) == 0 {
			w.t.Fatalf("it is %s, with %d objects", now.State, len(w.objects(in.ID)))
		}
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.nothingLeft()
	}, built("slow", web("1m")))
}

func TestASecondStartOfWhatLivesIsRefusedAndAfterItsEndIsNot(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.running("one", "web")
		if _, err := w.rules.Spawn(w.t.Context(), player("one"), "web"); whaley.CodeOf(err) != whaley.CodeLiveInstance {
			w.t.Errorf("a second start: %v", err)
		}
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.running("one", "web")
	}, built("web"))
}

// checked is an engine that notes what its health checks run.
type checked struct {
	*simulated.Engine
	ran chan []string
}

func (c checked) Exec(ctx context.Context, id string, argv []string) (int, error) {
	select {
	case c.ran <- argv:
	default:
	}
	return c.Engine.Exec(ctx, id, argv)
}

func TestAHealthCheckHasTheValuesOfItsInstance(t *testing.T) {
	service := web("0s")
	service.Health = &whaley.Health{Test: []string{"check", whaley.Token("INSTANCE_ID")}, Timeout: time.Second}
	onEngine(t, func(w *world) {
		engine := checked{w.engine, make(chan []string, 1)}
		w.prober = engine
		w.start()
		in := w.running("one", "web")
		if ran := <-engine.ran; !slices.Equal(ran, []string{"check", in.ID}) {
			w.t.Errorf("it ran %q", ran)
		}
	}, built("web", service))
}
