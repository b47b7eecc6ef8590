package memtest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAMachineUnderPressureStartsOneAtATimeAndCatchesUpWhenItIsOver(t *testing.T) {
	var thrashes atomic.Bool
	inMemory(t, func(w *world) {
		thrashes.Store(true)
		w.pressure = func() whaley.Pressure {
			if thrashes.Load() {
				return whaley.Pressure{Memory: 40, AllMemory: 12}
			}
			return whaley.Pressure{}
		}
		w.policy.SpawnConcurrency = 8
		w.start()
		time.Sleep(5 * time.Second)
		for n := range 8 {
			w.spawn(fmt.Sprint("owner-", n), fmt.Sprint("c", n%2))
		}
		starting := func() (n int) {
			synctest.Wait()
			_, n = w.rules.Queue()
			return n
		}
		if n := starting(); n != 1 {
			w.t.Errorf("%d start at a time under pressure", n)
		}
		thrashes.Store(false)
		time.Sleep(3 * time.Second)
		if n := starting(); n < 6 {
			w.t.Errorf("%d start at a time after it", n)
		}
	}, built("c0", web("8s")), built("c1", web("8s")))
}
