package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const pressureEvery = 2 * time.Second

// slotsUnder is how many starts at a time a machine under pressure bears, of those that the settings allow. What waits
// for CPUs only takes longer; what waits for memory or disks makes everything on the machine stand still.
func slotsUnder(p whaley.Pressure, slots int) int {
	switch {
	case p.Memory >= 30 || p.AllMemory >= 10:
		return 1
	case p.Memory >= 10 || p.AllIO >= 60:
		return max(1, slots/2)
	}
	return slots
}

// slots is how many starts there may be at a time now.
func (i *Instancer) slots() int {
	most := i.Policy().SpawnConcurrency
	if i.Pressure == nil {
		return most
	}
	return slotsUnder(i.Pressure(), most)
}

// pressed says that the machine has enough to do with what there is: nothing is made ahead of owners then.
func (i *Instancer) pressed() bool { return i.Pressure != nil && slotsUnder(i.Pressure(), 2) < 2 }

// pressureLoop slows starts before the machine thrashes, and lets them go on when that is over.
func (i *Instancer) pressureLoop(ctx context.Context) error {
	if i.Pressure == nil {
		return nil
	}
	before := i.Policy().SpawnConcurrency
	for loop.Sleep(ctx, pressureEvery) == nil {
		now := i.slots()
		if now == before {
			continue
		}
		if most := i.Policy().SpawnConcurrency; now < most {
			p := i.Pressure()
			i.Log.Warn("starts are slowed: the machine waits for memory or disks", "at_a_time", now, "of", most,
				"memory_some", p.Memory, "memory_full", p.AllMemory, "io_full", p.AllIO)
		}
		before = now
		i.launch(i.queue.resize(now))
	}
	return nil
}
