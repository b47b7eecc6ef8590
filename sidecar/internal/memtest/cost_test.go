package memtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const mb = 1 << 20

// limited is a service that may use some memory, and takes some time to be ready.
func limited(bytes int64, ready string) whaley.Service {
	s := web(ready)
	s.Limits.MemoryBytes = bytes
	return s
}

// fill has players start instances until one is refused, and says how many of them run.
func (w *world) fill(prefix, challenge string) (n int) {
	w.t.Helper()
	for ; n < 100; n++ {
		in, err := w.rules.Spawn(w.t.Context(), player(fmt.Sprint(prefix, n)), challenge)
		if whaley.CodeOf(err) == whaley.CodeHostFull {
			return n
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.until(in, whaley.Running)
	}
	return n
}

func TestTheHostIsFullByWhatInstancesWereSeenToUseAlsoInTheNextLife(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy.Quota.Memory = 2048 * mb
		w.uses = func(*whaley.Instance) int64 { return 80 * mb }
		w.start()
		if n := w.fill("first-", "web"); n != 4 {
			w.t.Errorf("%d of 512 MB are in 2 GB before anything is known of them", n)
		}
		time.Sleep(5 * time.Minute)
		w.start() // another process, which has seen nothing itself
		live, err := w.db.Live(w.t.Context(), "")
		if err != nil {
			w.t.Fatal(err)
		}
		for _, in := range live {
			w.stop(in)
		}
		time.Sleep(time.Minute)
		if n := w.fill("next-", "web"); n != 20 {
			w.t.Errorf("%d are in 2 GB that were seen to use 80 MB, want 20 with a quarter on top", n)
		}
		w.policy.ByLimits = true
		w.start()
		if _, err := w.rules.Spawn(w.t.Context(), player("late"), "web"); whaley.CodeOf(err) != whaley.CodeHostFull {
			w.t.Errorf("by limits: %v", err)
		}
	}, built("web", limited(512*mb, "1s")))
}

func TestNoneIsExpectedToUseMoreThanItMay(t *testing.T) {
	inMemory(t, func(w *world) {
		w.uses = func(*whaley.Instance) int64 { return 60 * mb }
		w.start()
		for n := range 3 {
			w.running(fmt.Sprint("owner-", n), "web")
		}
		time.Sleep(5 * time.Minute)
		if in := w.running("late", "web"); in.Memory != 64*mb || in.Expected != 64*mb {
			w.t.Errorf("may use %d MB, is expected to use %d MB", in.Memory/mb, in.Expected/mb)
		}
	}, built("web", limited(64*mb, "1s")))
}

func TestHowLongTheQueueTakesIsKnownInTheNextLifeToo(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy.SpawnConcurrency = 1
		w.uses = func(*whaley.Instance) int64 { return 0 }
		w.start()
		for n := range 3 {
			w.running(fmt.Sprint("owner-", n), "web")
		}
		time.Sleep(time.Minute)
		w.start()
		w.spawn("first", "web")
		second := w.spawn("second", "web")
		if got := w.rules.Estimate(second.ID); got < 7*time.Second || got > 9*time.Second {
			w.t.Errorf("behind a start that takes 8 s it is said to wait %s", got)
		}
	}, built("web", limited(0, "8s")))
}
