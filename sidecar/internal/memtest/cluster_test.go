package memtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// A cluster that is full is no error: a start waits for room, which what waits for owners gives it.
func TestAStartThatFindsNoRoomWaitsAndWhatWaitsGivesWay(t *testing.T) {
	onCluster(t, func(w *world) {
		w.cluster.SetRoom(1)
		w.policy = waitingPolicy(1)
		w.start()
		time.Sleep(time.Minute)
		ahead, err := w.db.Waiting(w.t.Context())
		if err != nil || len(ahead) != 1 {
			w.t.Fatalf("in the one place there is, there wait %+v, %v", ahead, err)
		}
		other := map[string]string{"a": "b", "b": "a"}[ahead[0].Challenge]
		first := w.running("one", other)
		second := w.spawn("two", other)
		time.Sleep(30 * time.Second)
		now := w.rules.Staged(w.get(second.ID))
		if now.State != whaley.Starting || !strings.Contains(now.Stage, "full") {
			w.t.Errorf("without room it is %s at the stage %q: %v", now.State, now.Stage, now.Reason)
		}
		w.stop(first)
		w.until(second, whaley.Running)
		w.stop(second)
		time.Sleep(3 * time.Minute)
		if ahead, err := w.db.Waiting(w.t.Context()); err != nil || len(ahead) != 1 {
			w.t.Errorf("when there is room again there wait %+v, %v", ahead, err)
		}
	}, built("a"), built("b"))
}

// One that finds no room until its time is over says so, and nothing of it is left.
func TestAStartThatNeverFindsRoomSaysThatAllIsFull(t *testing.T) {
	onCluster(t, func(w *world) {
		w.cluster.SetRoom(0)
		w.policy.StartTimeout = time.Minute
		w.rules.SetPolicy(w.policy)
		in := w.spawn("one", "web")
		time.Sleep(2 * time.Minute)
		if now := w.get(in.ID); now.State != whaley.Failed || now.Reason == nil || now.Reason.Code != whaley.CodeHostFull {
			w.t.Errorf("it is %s: %v", now.State, now.Reason)
		}
		w.nothingLeft()
	}, built("web"))
}

// What a lost node had starts anew at its owner's next visit, elsewhere, with the same flag and address; what waited
// there is made anew, and nothing is there twice.
func TestWhatALostNodeHadStartsAnewWithTheSameFlagAndAddress(t *testing.T) {
	onCluster(t, func(w *world) {
		var before []*whaley.Instance
		flags := map[string]string{}
		for n := range 20 {
			owner := fmt.Sprintf("owner-%d", n)
			before = append(before, w.running(owner, "web"))
			flags[owner] = w.flagOf(owner, "web")
		}
		w.policy = waitingPolicy(2)
		w.rules.SetPolicy(w.policy)
		time.Sleep(time.Minute)
		w.cluster.LoseNode("n1")
		time.Sleep(10 * time.Second)
		lost := 0
		for _, in := range before {
			now := w.get(in.ID)
			if !now.State.Live() {
				lost++
				again := w.running(in.Owner.ID, "web")
				if again.Slug != in.Slug || w.flagOf(in.Owner.ID, "web") != flags[in.Owner.ID] {
					w.t.Errorf("%s started anew with another flag or address: %+v", in.ID, again)
				}
			}
		}
		if lost < 5 || lost > 15 {
			w.t.Errorf("%d of 20 were lost with one of two nodes", lost)
		}
		time.Sleep(time.Minute)
		if live, err := w.db.Live(w.t.Context(), ""); err != nil || len(live) != 20 {
			w.t.Errorf("there live %d instances: %v", len(live), err)
		}
		for _, pod := range w.cluster.Pods() {
			if pod.Spec.NodeName != "n2" {
				w.t.Errorf("%s is still on %s", pod.Name, pod.Spec.NodeName)
			}
		}
		w.audit()
		w.auditFlags()
	}, alone("web"))
}

// alone is a challenge of one service, which prints its owner's flag.
func alone(id string) *whaley.Challenge {
	ch := slow(id, 0)
	ch.Services = ch.Services[:1]
	return ch
}

// One that has lost a service with its node is lost, also where nothing leads to that service.
func TestAnInstanceThatLostAnyServiceWithItsNodeStartsAnew(t *testing.T) {
	onCluster(t, func(w *world) {
		in := w.running("one", "web") // on both nodes
		w.cluster.LoseNode("n1")
		time.Sleep(10 * time.Second)
		if now := w.get(in.ID); now.State != whaley.Stopped {
			w.t.Errorf("it is %s", now.State)
		}
		w.running("one", "web")
		w.audit()
	}, slow("web", 0))
}

// TestWhateverCallToAClusterIsTheLastNothingIsLostOrDoubled tries a death at each call, and a fault of some, to the API and
// to guests of a life in which something is made ahead, claimed, started, and stopped.
func TestWhateverCallToAClusterIsTheLastNothingIsLostOrDoubled(t *testing.T) {
	onCluster(t, func(w *world) {
		all := &death{at: -1}
		w.podLife(all, "first")
		if len(all.seen) < 15 {
			w.t.Fatalf("a life has only these calls: %v", all.seen)
		}
		for at := range all.seen {
			for _, when := range []string{"before", "fails"}[:2-min(1, at%6)] { // a fault of every sixth
				owner := fmt.Sprint(when, at)
				w.podLife(&death{at: at, when: when}, owner)
				w.start() // the next sidecar
				time.Sleep(20 * time.Second)
				w.audit()
				w.auditFlags()
				live, err := w.db.Live(w.t.Context(), owner)
				if err != nil || len(live) > 1 {
					w.t.Errorf("%s %s: there live %d of one owner: %v", when, all.seen[at], len(live), err)
				}
				for _, in := range live {
					if in.State == whaley.Running {
						w.stop(in)
					}
				}
				w.rules.SetPolicy(waitingPolicy(0))
				time.Sleep(15 * time.Second)
				if w.nothingLeft(); len(w.cluster.Pods()) > 0 {
					w.t.Errorf("%s %s: there are still %d pods", when, all.seen[at], len(w.cluster.Pods()))
				}
			}
		}
	}, alone("web"))
}

// podLife is a life of which each call is a step. It ends with the process.
func (w *world) podLife(d *death, owner string) {
	w.calls = func(call string) error { return d.step(call, func() error { return nil }) }
	w.faulty = func(s instancer.Store, p instancer.Platform) (instancer.Store, instancer.Platform) {
		return dyingStore{s, d}, p
	}
	w.policy = waitingPolicy(1)
	w.start()
	w.calls, w.faulty = nil, nil
	time.Sleep(15 * time.Second)
	in, err := w.rules.Spawn(w.t.Context(), player(owner), "web")
	if err != nil {
		return
	}
	time.Sleep(10 * time.Second)
	if slices.ContainsFunc([]string{"1", "3", "5", "7", "9"}, func(odd string) bool { return strings.HasSuffix(owner, odd) }) {
		return // what runs is to be adopted
	}
	_, _ = w.rules.Stop(w.t.Context(), player(owner), in.ID)
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// What Whaley asks a cluster for while nothing happens does not grow with how much is there, nor does what a start asks.
func TestTheCallsToAClusterDoNotGrowWithWhatIsThere(t *testing.T) {
	idle, starts := map[int]int{}, map[int]string{}
	for _, there := range []int{4, 40} {
		onCluster(t, func(w *world) {
			w.policy.SpawnConcurrency = 100
			w.rules.SetPolicy(w.policy)
			for n := range there {
				w.running(fmt.Sprint("owner-", n), "web")
			}
			w.cluster.Calls()
			time.Sleep(15 * time.Minute)
			for _, calls := range w.cluster.Calls() {
				idle[there] += calls
			}
			w.running("two", "web")
			starts[there] = fmt.Sprint(w.cluster.Calls())
		}, built("web"))
	}
	if idle[4] == 0 || idle[40] > idle[4]+5 || starts[40] != starts[4] {
		t.Errorf("with 4 it asks %d times and for a start %s\nwith 40 %d times and %s", idle[4], starts[4], idle[40], starts[40])
	}
	t.Logf("%d calls in a quarter of an hour, and for a start %s", idle[40], starts[40])
}
