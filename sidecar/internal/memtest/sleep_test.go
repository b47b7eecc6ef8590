package memtest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// traffic is what comes to instances from outside, by id.
type traffic struct {
	mu  sync.Mutex
	all map[string]whaley.Traffic
}

func (t *traffic) Of(_ context.Context, networks map[string][]netip.Prefix) (map[string]whaley.Traffic, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[string]whaley.Traffic{}
	for id := range networks {
		seen[id] = t.all[id]
	}
	return seen, nil
}

// come has traffic come to an instance, beside what there was.
func (w *world) come(in *whaley.Instance, bytes uint64, held int) {
	w.comes.mu.Lock()
	defer w.comes.mu.Unlock()
	if w.comes.all == nil {
		w.comes.all = map[string]whaley.Traffic{}
	}
	w.comes.all[in.ID] = whaley.Traffic{Bytes: w.comes.all[in.ID].Bytes + bytes, Held: held}
	if w.host != nil {
		w.host.SetTraffic(w.comes.all)
	}
}

// sleepy is a challenge of which two services run and one has done its work by then.
func sleepy() *whaley.Challenge {
	ch := built("web",
		whaley.Service{Name: "db", Environment: []string{"OPENS=1s"}, Health: &whaley.Health{Test: []string{"true"}, Timeout: time.Second}},
		whaley.Service{Name: "init", Environment: []string{"EXIT=0"}},
		whaley.Service{Name: "web", DependsOn: []whaley.Dependency{
			{Service: "db", Condition: whaley.ConditionHealthy}, {Service: "init", Condition: whaley.ConditionCompleted},
		}},
	)
	ch.Idle = time.Minute
	return ch
}

func (w *world) address(in *whaley.Instance) string {
	return w.rules.Host(in.Challenge, in.Routes[0], in.Owner.ID)
}

// opens is what the owner of an instance gets who opens its address.
func (w *world) opens(in *whaley.Instance) whaley.HostView {
	w.t.Helper()
	view, err := w.rules.Wake(w.t.Context(), whaley.HostQuery{Host: w.address(in), Player: player(in.Owner.ID)})
	if err != nil {
		w.t.Fatal(err)
	}
	return view
}

// asleep lets the time pass after which an instance sleeps.
func (w *world) asleep(in *whaley.Instance) *whaley.Instance {
	w.t.Helper()
	time.Sleep(in.Terms.Idle + time.Minute)
	synctest.Wait()
	now := w.get(in.ID)
	if now.State != whaley.Sleeping {
		w.t.Fatalf("%s is %s, not asleep", in.ID, now.State)
	}
	return now
}

// containers are an instance's, by service, and which of them run.
func (w *world) containers(in *whaley.Instance) (ids map[string]string, run map[string]bool) {
	ids, run = map[string]string{}, map[string]bool{}
	for _, o := range w.objects(in.ID) {
		if o.Kind == "container" {
			if ids[o.Labels.Service] = o.ID; o.Running {
				run[o.Labels.Service] = true
			}
		}
	}
	return ids, run
}

func TestWhatNobodyUsesSleepsAndIsWokenWithWhatItHad(t *testing.T) {
	for _, pool := range []int{0, 1} {
		inMemory(t, func(w *world) {
			w.end()
			w.pool = pool
			w.start()
			time.Sleep(10 * time.Second)
			in := w.running("ada", "web")
			before, run := w.containers(in)
			if len(before) != 3 || !maps.Equal(run, map[string]bool{"web": true, "db": true}) {
				w.t.Fatalf("before it sleeps there is %v, of which run %v", before, run)
			}
			slept := w.asleep(in)
			if after, run := w.containers(in); !maps.Equal(before, after) || len(run) > 0 || len(w.routes.names()) > 0 {
				w.t.Errorf("asleep it has %v of %v, of which run %v, and routes %v", after, before, run, w.routes.names())
			}
			if !slept.ExpiresAt.Equal(in.ExpiresAt) || slept.Subnet != in.Subnet {
				w.t.Errorf("asleep it ends at %s, not %s, and is in %s", slept.ExpiresAt, in.ExpiresAt, slept.Subnet)
			}
			began := time.Now()
			view := w.opens(in)
			woken := w.get(in.ID)
			if view.State != whaley.Running || view.Backend == "" || woken.State != whaley.Running || woken.Sleep != nil {
				w.t.Errorf("opened, it is %+v and %s", view, woken.State)
			}
			if took := time.Since(began); took < time.Second || took > 3*time.Second {
				w.t.Errorf("it was woken within %s, and its database opens after a second", took)
			}
			synctest.Wait()
			after, run := w.containers(in)
			if !maps.Equal(before, after) || !maps.Equal(run, map[string]bool{"web": true, "db": true}) ||
				!woken.ExpiresAt.Equal(in.ExpiresAt) || len(w.routes.names()) != 1 {
				w.t.Errorf("woken it has %v of %v, of which run %v, until %s", after, before, run, woken.ExpiresAt)
			}
			w.asleep(in) // and again
			w.stop(in)
			w.until(in, whaley.Stopped)
			w.end()
			w.pool = 0
			w.start()
			time.Sleep(2 * time.Minute)
			w.nothingLeft()
		}, sleepy())
	}
}

func TestAStrangerCannotTellASleepingInstanceFromNone(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.asleep(w.running("ada", "web"))
		for _, who := range []whaley.Player{{}, player("eve")} {
			slept, err := w.rules.Wake(w.t.Context(), whaley.HostQuery{Host: w.address(in), Player: who})
			none, err2 := w.rules.Wake(
				w.t.Context(), whaley.HostQuery{Host: w.rules.Host("web", in.Routes[0], "nobody at all"), Player: who},
			)
			if diff := cmp.Diff(none, slept); diff != "" || err != nil || err2 != nil {
				w.t.Errorf("%v %v %s", err, err2, diff)
			}
		}
		if now := w.get(in.ID); now.State != whaley.Sleeping {
			w.t.Errorf("strangers have it be %s", now.State)
		}
	}, sleepy())
}

func TestTrafficAndHeldConnectionsKeepAnInstanceAwake(t *testing.T) {
	inMemory(t, func(w *world) {
		talks, held, noisy := w.running("talks", "web"), w.running("held", "web"), w.running("noisy", "web")
		w.come(held, 0, 1)
		for range 8 {
			time.Sleep(20 * time.Second)
			w.come(talks, 300, 0)
			w.come(noisy, 100, 0)
		}
		states := fmt.Sprint(w.get(talks.ID).State, w.get(held.ID).State, w.get(noisy.ID).State)
		if states != fmt.Sprint(whaley.Running, whaley.Running, whaley.Sleeping) {
			w.t.Errorf("who talks, holds a connection, and makes noise: %s", states)
		}
		w.come(held, 0, 0)
		w.asleep(held)
	}, sleepy())
}

func TestASleepingInstanceEndsWhenItsTimeIsUp(t *testing.T) {
	ch := sleepy()
	ch.Timeout, ch.ExtendTime = 6*time.Minute, time.Minute
	inMemory(t, func(w *world) {
		in := w.asleep(w.running("ada", "web"))
		if extended, err := w.rules.ExtendAny(w.t.Context(), in.ID, "an organiser"); err != nil || extended.State != whaley.Sleeping {
			w.t.Errorf("extended asleep: %v", err)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if now := w.get(in.ID); now.State != whaley.Stopped || now.StopCause != whaley.CauseExpired {
			w.t.Errorf("its time is up, and it is %s by %q", now.State, now.StopCause)
		}
		w.nothingLeft()
	}, ch)
}

func TestTheDashboardWakesRestartsAndStopsWhatSleeps(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.asleep(w.running("ada", "web"))
		if woken := w.spawn("ada", "web"); woken.ID != in.ID {
			w.t.Errorf("Start makes %s of %s", woken.ID, in.ID)
		}
		w.until(in, whaley.Running)
		w.asleep(in)
		next, err := w.rules.RestartFor(w.t.Context(), player("ada"), in.ID)
		if err != nil || next.ID == in.ID {
			w.t.Fatalf("restarted it is %v: %v", next, err)
		}
		w.until(next, whaley.Running)
		w.asleep(next)
		w.stop(next)
		w.until(next, whaley.Stopped)
		w.nothingLeft()
	}, sleepy())
}

func TestWhatSleepsTakesNoMemoryFromOthersAndWaitsForItsOwn(t *testing.T) {
	ch := sleepy()
	for n := range ch.Services {
		ch.Services[n].Limits.MemoryBytes = 100
	}
	inMemory(t, func(w *world) {
		w.policy.Quota.Memory = 300
		w.start()
		in := w.running("ada", "web")
		if _, err := w.rules.Spawn(w.t.Context(), player("bob"), "web"); whaley.CodeOf(err) != whaley.CodeHostFull {
			w.t.Fatalf("a second one beside one that runs: %v", err)
		}
		w.asleep(in)
		other := w.running("bob", "web")
		view := w.opens(in)
		if whaley.CodeOf(view.Problem) != whaley.CodeHostFull || w.get(in.ID).State != whaley.Sleeping {
			w.t.Errorf("woken without room it is %s, and its owner reads %v", w.get(in.ID).State, view.Problem)
		}
		w.stop(other)
		w.until(other, whaley.Stopped)
		if view := w.opens(in); view.State != whaley.Running {
			w.t.Errorf("woken with room it is %+v", view)
		}
	}, ch)
}

func TestWhatSleepsOutlivesItsChallenge(t *testing.T) {
	inMemory(t, func(w *world) {
		in := w.asleep(w.running("ada", "web"))
		edited := sleepy()
		edited.Revision, edited.Services, edited.Inactive = "2", edited.Services[2:], true
		edited.Services[0].DependsOn = nil
		for _, now := range []loaded{{edited}, {}} {
			w.loaded = now
			w.start()
			if view := w.opens(in); view.State != whaley.Running {
				w.t.Errorf("with challenges %v it is %+v", now, view)
			}
			w.asleep(in)
		}
	}, sleepy())
}

func TestWhatLosesAContainerInItsSleepEnds(t *testing.T) {
	onEngine(t, func(w *world) {
		in := w.asleep(w.running("ada", "web"))
		if err := w.engine.RemoveContainer(w.t.Context(), w.service(in, "db").ID); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if now := w.get(in.ID); now.State != whaley.Stopped || now.StopCause != whaley.CauseLost {
			w.t.Errorf("it is %s by %q", now.State, now.StopCause)
		}
		w.nothingLeft()
	}, sleepy())
}
