package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	giveBackEvery = 15 * time.Second
	seldomAtMost  = 30 * time.Second
	worthwhile    = 4 << 20 // bytes
)

// memory gives back to the system what a rush has left behind. Go by itself collects an idle process's garbage after
// two minutes at the earliest and then keeps most of the pages, and a host full of containers has use for them.
type memory struct {
	least uint64        // bytes, the fewest that were ever held
	pause time.Duration // until the next try, longer each time that one gains nothing: what is held may be in use
	next  time.Time
}

func (m *memory) run(ctx context.Context) error {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			m.giveBack(now)
		case <-ctx.Done():
			return nil
		}
	}
}

// giveBack collects garbage if there may be enough of it, and says whether it did. In the middle of a rush it gains
// little, so what is left then is no measure of how it is afterwards.
func (m *memory) giveBack(now time.Time) bool {
	held := heldMemory()
	if m.least == 0 {
		m.least = held
	}
	if held < m.least+m.least/10+worthwhile || now.Before(m.next) {
		return false
	}
	debug.FreeOSMemory()
	after := heldMemory()
	m.least = min(m.least, after)
	if m.pause = min(2*m.pause, seldomAtMost); after+worthwhile < held || m.pause == 0 {
		m.pause = giveBackEvery
	}
	m.next = now.Add(m.pause)
	return true
}

// heldMemory is what the process has of the system, in bytes.
func heldMemory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
