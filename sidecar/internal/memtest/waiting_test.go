package memtest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// waiting lets time pass until as many wait of each challenge, and nothing else is there that is nobody's.
func (w *world) waiting(want map[string]int) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(time.Second) {
		synctest.Wait()
		all, err := w.db.Waiting(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		there := map[string]int{}
		for _, one := range all {
			there[one.Challenge]++
			if one.State != whaley.WaitingReady {
				there["not ready"]++
			}
		}
		if fmt.Sprint(there) == fmt.Sprint(want) && fmt.Sprint(w.rules.Waiting()) == fmt.Sprint(want) {
			w.audit()
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("there wait %v, not %v; counted %v", there, want, w.rules.Waiting())
		}
	}
}

// audit fails the test unless each object and each place is that of one that lives or waits, and each of these has all
// of its own.
func (w *world) audit() {
	w.t.Helper()
	owned := map[string]int{} // → services
	live, err := w.db.Live(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, in := range live {
		owned[in.ID] = len(in.Addresses)
	}
	all, err := w.db.Waiting(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	waits := map[string]bool{}
	for _, one := range all {
		if owned[one.ID] > 0 {
			w.t.Errorf("%s waits and is an owner's", one.ID)
		}
		owned[one.ID], waits[one.ID] = one.Services, !one.Warm
	}
	services := map[string]int{}
	for _, o := range w.objects("") {
		id := o.Labels.Instance
		if owned[id] == 0 {
			w.t.Errorf("nobody's is %+v", o)
		}
		if o.Kind == "container" {
			services[id]++
			if o.Waiting != waits[id] {
				w.t.Errorf("one of what waits %v is %+v", waits[id], o)
			}
		}
	}
	for id, n := range owned {
		if services[id] != n {
			w.t.Errorf("%s has %d services of %d", id, services[id], n)
		}
	}
	held, err := w.runs.Reserved(w.t.Context())
	if err != nil || len(held) != len(owned) {
		w.t.Errorf("something is reserved for %v, and there are %v: %v", held, owned, err)
	}
}

func waitingPolicy(most int) whaley.Policy { return whaley.Policy{Waiting: most} }

func TestAnOwnerGetsWhatWaitsAndAnotherIsMade(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(3)
		w.start()
		w.waiting(map[string]int{"web": 1})
		before, _ := w.db.Waiting(w.t.Context())
		in := w.running("one", "web")
		if in.ID != before[0].ID || in.Owner.ID != "one" || in.Addresses["web"] != before[0].Addresses["web"] {
			w.t.Errorf("it is %+v, and there waited %+v", in, before[0])
		}
		w.waiting(map[string]int{"web": 1})
		w.stop(in)
		w.until(in, whaley.Stopped)
		w.waiting(map[string]int{"web": 1})
		w.rules.SetPolicy(waitingPolicy(0))
		w.waiting(map[string]int{})
		w.nothingLeft()
	}, built("web", whaley.Service{Name: "web"}, whaley.Service{Name: "db"}))
}

func TestAsManyWaitAsAreAskedForAndNoMoreThanMay(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(4)
		w.start()
		w.waiting(map[string]int{"a": 1, "b": 1, "c": 1})
		for n := range 3 {
			w.running(fmt.Sprint("many-", n), "a")
		}
		w.waiting(map[string]int{"a": 3, "b": 1, "c": 1})
		for n := range 6 {
			w.running(fmt.Sprint("more-", n), "a")
		}
		w.waiting(map[string]int{"a": 4, "b": 1, "c": 1})
		time.Sleep(demand)
		w.waiting(map[string]int{"a": 1, "b": 1, "c": 1})
		w.rules.SetPolicy(whaley.Policy{Waiting: 4, WaitingMemory: 16 << 20})
		time.Sleep(time.Minute)
		if all, _ := w.db.Waiting(w.t.Context()); len(all) != 2 {
			w.t.Errorf("there wait %d, and memory is for 2", len(all))
		}
		w.rules.SetPolicy(whaley.Policy{Waiting: 4, Quota: whaley.Quota{Total: 10}}) // 9 live
		time.Sleep(time.Minute)
		if all, _ := w.db.Waiting(w.t.Context()); len(all) != 1 {
			w.t.Errorf("there wait %d, and the host has room for 1", len(all))
		}
		w.rules.SetPolicy(whaley.Policy{Waiting: 4, Drain: "over"})
		w.waiting(map[string]int{})
	}, built("a"), built("b"), built("c"))
}

// demand is longer than starts count as such.
const demand = 11 * time.Minute

func TestAnotherRevisionTakesThePlaceOfWhatWaits(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(2)
		w.start()
		w.loaded = slices.Clone(w.loaded) // it is changed here
		w.start()
		w.waiting(map[string]int{"web": 1})
		next := built("web", whaley.Service{Name: "web"}, whaley.Service{Name: "more"})
		next.Revision = "2"
		w.loaded[0] = next
		w.rules.PrepareImages()
		if in := w.running("one", "web"); in.Revision != "2" || len(in.Addresses) != 2 {
			w.t.Errorf("it is of revision %s with %v", in.Revision, in.Addresses)
		}
		time.Sleep(time.Minute)
		w.waiting(map[string]int{"web": 1})
		if all, _ := w.db.Waiting(w.t.Context()); all[0].Revision != "2" {
			w.t.Errorf("there waits revision %s", all[0].Revision)
		}
		next.Inactive = true
		w.waiting(map[string]int{})
	}, built("web"))
}

func TestWhatWaitsOutlivesASidecarAndWhatIsBrokenIsReplaced(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(1)
		w.start()
		w.waiting(map[string]int{"web": 1})
		w.end()
		w.nothingLeft() // since nothing lives
		w.start()
		w.running("somebody", "web")
		w.waiting(map[string]int{"web": 1})
		before, _ := w.db.Waiting(w.t.Context())
		w.start()
		w.waiting(map[string]int{"web": 1})
		after, _ := w.db.Waiting(w.t.Context())
		if after[0].ID != before[0].ID {
			w.t.Errorf("%s was replaced by %s", before[0].ID, after[0].ID)
		}
		for _, o := range w.objects(after[0].ID) {
			if o.Kind == "container" {
				if err := w.runs.StopService(w.t.Context(), o.ID, 0); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		in := w.running("one", "web") // before it was noticed
		if in.ID != after[0].ID {
			w.t.Errorf("it is %s", in.ID)
		}
		w.waiting(map[string]int{"web": 1})
		broken, _ := w.db.Waiting(w.t.Context())
		for _, o := range w.objects(broken[0].ID) {
			if o.Kind == "container" {
				if err := w.runs.StopService(w.t.Context(), o.ID, 0); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Minute)
		w.waiting(map[string]int{"web": 1})
		if all, _ := w.db.Waiting(w.t.Context()); all[0].ID == broken[0].ID {
			w.t.Errorf("what is broken still waits")
		}
	}, built("web"))
}

func TestNobodyGetsWhatSomebodyElseHas(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(5)
		w.start()
		for n := range 5 { // demand
			w.running(fmt.Sprint("first-", n), "web")
		}
		w.waiting(map[string]int{"web": 5})
		all := make(chan *whaley.Instance, 20)
		for n := range 20 {
			go func() {
				in, err := w.rules.Spawn(context.WithoutCancel(w.t.Context()), player(fmt.Sprint("owner-", n)), "web")
				if err != nil {
					w.t.Error(err)
				}
				all <- in
			}()
		}
		ids := map[string]bool{}
		for range 20 {
			in := <-all
			if ids[in.ID] {
				w.t.Errorf("%s is two owners'", in.ID)
			}
			ids[in.ID] = true
			w.until(in, whaley.Running)
		}
		w.waiting(map[string]int{"web": 5})
	}, built("web"))
}

// The pool of a small host has 16 networks.
func TestWhatWaitsLeavesHalfOfTheNetworksToWhatIsAskedFor(t *testing.T) {
	onEngine(t, func(w *world) {
		w.pools = netip.MustParsePrefix("10.190.0.0/24")
		w.policy = waitingPolicy(20)
		w.start()
		for n := range 6 { // demand
			w.running(fmt.Sprint("first-", n), "web")
		}
		w.waiting(map[string]int{"web": 2})
		for n := range 10 {
			w.running(fmt.Sprint("more-", n), "web")
			synctest.Wait()
		}
		w.waiting(map[string]int{})
	}, built("web"))
}

func TestWhatWaitsInAnEarlierPoolIsReplaced(t *testing.T) {
	onEngine(t, func(w *world) {
		w.policy = waitingPolicy(1)
		w.start()
		w.waiting(map[string]int{"web": 1})
		now := netip.MustParsePrefix("10.191.0.0/20")
		if err := w.subnets.Move(now); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.waiting(map[string]int{"web": 1})
		if all, _ := w.db.Waiting(w.t.Context()); !now.Overlaps(all[0].Subnet) {
			w.t.Errorf("there waits one in %s", all[0].Subnet)
		}
	}, built("web"))
}

func TestNothingIsMadeAheadWhileTheMachineThrashes(t *testing.T) {
	inMemory(t, func(w *world) {
		var thrashes atomic.Bool
		thrashes.Store(true)
		w.policy = waitingPolicy(1)
		w.pressure = func() whaley.Pressure {
			if thrashes.Load() {
				return whaley.Pressure{Memory: 50}
			}
			return whaley.Pressure{}
		}
		w.start()
		time.Sleep(time.Minute)
		w.waiting(map[string]int{})
		w.running("one", "web") // what is asked for is started all the same
		thrashes.Store(false)
		w.waiting(map[string]int{"web": 1})
		thrashes.Store(true)
		time.Sleep(time.Minute)
		w.waiting(map[string]int{"web": 1}) // what is there stays
	}, built("web"))
}
