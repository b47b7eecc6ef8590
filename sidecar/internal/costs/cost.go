package costs

import (
	"cmp"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	enough     = 3 // instances
	leastLooks = 2 // at an instance: what has just been started uses less
)

// Cost is what instances of a challenge cost: of a revision if enough of it were seen, else of all.
func (b *Book) Cost(challenge, revision string) whaley.Cost {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.seen[challenge]
	now := costOf(slices.DeleteFunc(slices.Clone(all), func(s whaley.Seen) bool { return s.Revision != revision }))
	before := costOf(all)
	if now.Memory == 0 {
		now.Instances, now.Memory, now.CPUs = before.Instances, before.Memory, before.CPUs
	}
	now.Start = cmp.Or(now.Start, before.Start)
	return now
}

func costOf(all []whaley.Seen) (c whaley.Cost) {
	var memory []int64
	var starts []time.Duration
	for _, s := range all {
		if s.Looks >= leastLooks {
			memory = append(memory, s.Memory)
			c.CPUs += s.CPUs
		}
		if s.Start > 0 {
			starts = append(starts, s.Start)
		}
	}
	if c.Instances = len(memory); c.Instances > 0 {
		c.CPUs /= float64(c.Instances)
	}
	if c.Instances >= enough {
		c.Memory = part(memory, 0.9)
	}
	if len(starts) > 0 {
		c.Start = part(starts, 0.5)
	}
	return c
}

// part is what so many of some values do not go beyond.
func part[T cmp.Ordered](all []T, of float64) T {
	slices.Sort(all)
	return all[min(len(all)-1, int(of*float64(len(all))))]
}
