package instancer

import (
	"cmp"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// leastExpected is what any instance is expected to use, in bytes.
const leastExpected = 16 << 20

type noCosts struct{}

func (noCosts) Cost(string, string) whaley.Cost         { return whaley.Cost{} }
func (noCosts) Started(*whaley.Instance, time.Duration) {}

// memory is what an instance of a challenge may use at most, and what it is expected to use: what nine of ten never
// went beyond and a quarter on top, or 0 where that is not known or not to be counted.
func (i *Instancer) memory(ch *whaley.Challenge) (most, expected int64) {
	for _, s := range ch.Services {
		most += s.Limits.MemoryBytes
	}
	seen := i.Costs.Cost(ch.ID, ch.Revision).Memory
	if seen == 0 || i.Policy().ByLimits {
		return most, 0
	}
	expected = max(seen+seen/4, leastExpected)
	if most > 0 {
		expected = min(expected, most)
	}
	return most, expected
}

// needed is the memory that the host must have for an instance of a challenge, in bytes.
func (i *Instancer) needed(ch *whaley.Challenge) int64 {
	most, expected := i.memory(ch)
	return cmp.Or(expected, most)
}

// usualStart is how long starts of a challenge have their slots, as far as that is remembered; 0: it is not.
func (i *Instancer) usualStart(challenge string) time.Duration {
	ch, loaded := i.Challenges.Get(challenge)
	if !loaded {
		return 0
	}
	return i.Costs.Cost(ch.ID, ch.Revision).Start
}
