package memtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestWhoAsksForManyStartsWaitsForThoseWhoAskForOne(t *testing.T) {
	var all []*whaley.Challenge
	for n := range 6 {
		all = append(all, built(fmt.Sprint("c", n), web("5s")), built(fmt.Sprint("f", n), web("5s")))
	}
	inMemory(t, func(w *world) {
		w.policy.SpawnConcurrency = 2
		w.start()
		var many []*whaley.Instance
		for n := range 6 {
			many = append(many, w.spawn("many", fmt.Sprint("c", n)))
		}
		time.Sleep(time.Second)
		var few []*whaley.Instance
		for n := range 3 {
			few = append(few, w.spawn(fmt.Sprint("few", n), fmt.Sprint("f", n)))
		}
		var last time.Time
		for _, in := range few {
			if at := w.until(in, whaley.Running).StartedAt; at.After(last) {
				last = at
			}
		}
		before := 0
		for _, in := range many {
			if !w.until(in, whaley.Running).StartedAt.After(last) {
				before++
			}
		}
		if before > 2 {
			w.t.Errorf("%d of the one who asked for six ran before all three of the others", before)
		}
	}, all...)
}

func TestASlowStartLetsOthersBeginBesideIt(t *testing.T) {
	inMemory(t, func(w *world) {
		w.policy.SpawnConcurrency = 1
		w.start()
		w.spawn("one", "slow")
		if in := w.running("two", "web"); in.StartedAt.Sub(in.CreatedAt) > 12*time.Second {
			w.t.Errorf("it waited %s for one that takes 100s", in.StartedAt.Sub(in.CreatedAt))
		}
	}, built("slow", web("100s")), built("web"))
}
