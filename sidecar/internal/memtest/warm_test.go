package memtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// boots is how long the challenge of these tests takes until it answers.
const boots = 2 * time.Second

// slow is a challenge of two services that takes its time, and prints its owner's flag.
func slow(id string, warm int) *whaley.Challenge {
	ch := built(
		id, whaley.Service{Name: "web", Environment: []string{"OPENS=" + boots.String(), "PRINT=" + whaley.Token("FLAG")}},
		whaley.Service{Name: "db"},
	)
	ch.Warm = warm
	ch.Flag = whaley.FlagPlan{Dynamic: true, Place: whaley.PlaceEnv, FlagForm: whaley.FlagForm{
		Open: "FLAG{", Close: "}", Elsewhere: true, Core: strings.Repeat("g", 32),
	}}
	return ch
}

// warm lets time pass until so many run ahead of their owners, and all else is as it should be.
func (w *world) warm(want int) (all []*whaley.Waiting) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(time.Second) {
		synctest.Wait()
		ahead, err := w.db.Waiting(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		unready := slices.ContainsFunc(ahead, func(one *whaley.Waiting) bool { return one.State != whaley.WaitingReady })
		all = slices.DeleteFunc(ahead, func(one *whaley.Waiting) bool { return !one.Warm })
		counted := 0
		for _, n := range w.rules.Warm() {
			counted += n
		}
		if !unready && len(all) == want && counted == want {
			w.audit()
			w.auditFlags()
			return all
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d run ahead of %d, %d are counted, some are not ready: %t", len(all), want, counted, unready)
		}
	}
}

// auditFlags fails the test unless what each instance has of flags is its owner's, and nobody's of what has no owner.
func (w *world) auditFlags() {
	w.t.Helper()
	holds := map[string]string{} // flag → instance
	has := func(in *whaley.Instance) string {
		text, err := w.runs.Logs(w.t.Context(), w.service(in, "web").ID, 1)
		if err != nil {
			w.t.Fatal(err)
		}
		value := strings.TrimSpace(text)
		if other := holds[value]; other != "" {
			w.t.Errorf("%s and %s have the same flag", in.ID, other)
		}
		holds[value] = in.ID
		return value
	}
	ahead, err := w.db.Waiting(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	issued, err := w.db.ListFlags(w.t.Context(), whaley.FlagFilter{Retired: true}, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, one := range ahead {
		if !one.Warm || len(one.Flags) == 0 {
			continue
		}
		if got := has(one.Instance()); got != one.Flags[0].Value {
			w.t.Errorf("%s has the flag %s, its row %s", one.ID, got, one.Flags[0].Value)
		}
		if slices.ContainsFunc(issued, func(f *whaley.IssuedFlag) bool { return f.Value == one.Flags[0].Value }) {
			w.t.Errorf("the flag of %s, which has no owner, is somebody's", one.ID)
		}
	}
	live, err := w.db.Live(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, in := range live {
		if ch, _ := w.loaded.Get(in.Challenge); in.State != whaley.Running || !ch.Flag.Dynamic {
			continue
		}
		current, err := w.db.CurrentFlags(w.t.Context(), in.Owner.ID, in.Challenge)
		if err != nil || len(current) != 1 || current[0].Value != has(in) {
			w.t.Errorf("%s has another flag than %+v: %v", in.ID, current, err)
		}
	}
}

func (w *world) flagOf(owner, challenge string) string {
	w.t.Helper()
	all, err := w.db.CurrentFlags(w.t.Context(), owner, challenge)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].Value
}

// took is how long an owner waits for an instance.
func (w *world) took(owner, challenge string) (*whaley.Instance, time.Duration) {
	w.t.Helper()
	began := time.Now()
	in := w.running(owner, challenge)
	return in, time.Since(began)
}

func TestTheFirstOwnerGetsWhatRunsAlreadyAndItsFlag(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(3)
		w.start()
		before := w.warm(1)[0]
		in, took := w.took("one", "java")
		if in.ID != before.ID || w.flagOf("one", "java") != before.Flags[0].Value || took > boots/10 {
			w.t.Errorf("after %s it is %s with %s, and there ran %+v", took, in.ID, w.flagOf("one", "java"), before)
		}
		next := w.warm(1)[0]
		w.stop(in)
		w.until(in, whaley.Stopped)
		again, took := w.took("one", "java") // its flag is in no other
		if again.ID == next.ID || w.flagOf("one", "java") != before.Flags[0].Value || took < boots {
			w.t.Errorf("after %s the next start is %s with %s", took, again.ID, w.flagOf("one", "java"))
		}
		if other, took := w.took("two", "java"); other.ID != next.ID || took > boots/10 {
			w.t.Errorf("after %s another owner has %s, and %s ran", took, other.ID, next.ID)
		}
		w.warm(1)
		for _, of := range []*whaley.Instance{again, w.running("three", "java")} {
			w.stop(of)
		}
		w.rules.SetPolicy(waitingPolicy(0))
		w.warm(0)
	}, slow("java", 1))
}

func TestNobodyGetsAFlagThatSomebodyElseHas(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(3)
		w.start()
		w.warm(3)
		all := make(chan *whaley.Instance, 8)
		for n := range 8 {
			go func() {
				in, err := w.rules.Spawn(context.WithoutCancel(w.t.Context()), player(fmt.Sprint("owner-", n)), "java")
				if err != nil {
					w.t.Error(err)
				}
				all <- in
			}()
		}
		ids := map[string]bool{}
		for range 8 {
			in := <-all
			if ids[in.ID] {
				w.t.Errorf("%s is two owners'", in.ID)
			}
			ids[in.ID] = true
			w.until(in, whaley.Running)
		}
		w.warm(3)
	}, slow("java", 3))
}

func TestWhatStartsSlowlyIsWarmByItself(t *testing.T) {
	quick := slow("quick", whaley.WarmAuto)
	quick.Services[0].Environment[0] = "OPENS=100ms"
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(3)
		w.start()
		for round := range 2 {
			if all := w.warm(1); all[0].Challenge != "java" {
				w.t.Errorf("%s is warm", all[0].Challenge)
			}
			w.running("one", "java")
			w.running("one", "quick")
			w.warm(1)
			for n := range 3 {
				w.running(fmt.Sprint("many-", round, n), "java")
			}
			w.warm(3)
			if round > 0 {
				break
			}
			time.Sleep(demand)
			w.warm(1)
			w.start() // it knows nothing of how long they take
			live, _ := w.db.Live(w.t.Context(), "")
			for _, in := range live {
				w.stop(in)
			}
			time.Sleep(time.Minute)
		}
		w.rules.SetPolicy(whaley.Policy{Waiting: 3, WaitingMemory: 100 << 20}) // less than it may use
		w.warm(0)
	}, heavy(slow("java", whaley.WarmAuto)), quick)
}

// heavy gives each service of a challenge 64 MB.
func heavy(ch *whaley.Challenge) *whaley.Challenge {
	for n := range ch.Services {
		ch.Services[n].Limits.MemoryBytes = 64 << 20
	}
	return ch
}

func TestWhatIsWarmAndBrokenOrOldIsReplaced(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy = waitingPolicy(1)
		w.start()
		w.loaded = slices.Clone(w.loaded) // it is changed here
		w.start()
		broken := w.warm(1)[0]
		w.kill(broken.Instance(), "web")
		in, took := w.took("one", "java") // before it was noticed, or after
		if in.ID == broken.ID && w.flagOf("one", "java") != broken.Flags[0].Value || took < boots {
			w.t.Errorf("after %s it is %s, and %s was broken", took, in.ID, broken.ID)
		}
		broken = w.warm(1)[0]
		w.kill(broken.Instance(), "web")
		time.Sleep(2 * time.Minute)
		if now := w.warm(1)[0]; now.ID == broken.ID {
			w.t.Error("what is broken is there still")
		}
		left := w.warm(1)[0]
		w.start() // the next sidecar
		if now := w.warm(1)[0]; now.ID != left.ID {
			w.t.Errorf("%s was replaced by %s", left.ID, now.ID)
		}
		next := slow("java", 1)
		next.Revision = "2"
		w.loaded[0] = next
		w.rules.PrepareImages()
		time.Sleep(time.Minute)
		if now := w.warm(1)[0]; now.Revision != "2" || now.ID == left.ID {
			w.t.Errorf("of revision %s is %s", now.Revision, now.ID)
		}
		if in, took := w.took("two", "java"); in.Revision != "2" || took > boots/10 {
			w.t.Errorf("after %s it is of revision %s", took, in.Revision)
		}
	}, slow("java", 1))
}
