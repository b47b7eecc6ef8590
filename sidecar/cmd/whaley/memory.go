package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	giveBackEvery = 15 * time.Second
	worthwhile    = 16 << 20 // bytes
)

// memory gives back to the system what a rush has left behind. Go by itself collects an idle process's garbage after two
// minutes at the earliest and then keeps most of the pages, and a host full of containers has use for them.
type memory struct {
	after uint64 // bytes that were held when it was last given back
}

func (m *memory) run(ctx context.Context) error {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.giveBack()
		case <-ctx.Done():
			return nil
		}
	}
}

// giveBack collects garbage if there may be enough of it, and says whether it did. While much is going on it costs one
// collection among many.
func (m *memory) giveBack() bool {
	if held := heldMemory(); held < m.after+m.after/10+worthwhile {
		return false
	}
	debug.FreeOSMemory()
	m.after = heldMemory()
	return true
}

// heldMemory is what the process has of the system, in bytes.
func heldMemory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
