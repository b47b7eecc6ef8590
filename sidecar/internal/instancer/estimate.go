package instancer

import "time"

const (
	firstTypical = 2 * time.Second // before any spawn was seen
	weight       = 8               // of what was known, against one for the newest spawn
)

// learn remembers how long a spawn took.
func (i *Instancer) learn(took time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.typical = (weight*i.typical + took) / (weight + 1)
}

// Estimate is about how long an instance still waits in the queue; 0 if it does not wait.
func (i *Instancer) Estimate(id string) time.Duration { return i.progressOf(id).Estimate }

// estimate is about how long the one at a position waits. i.mu is held.
func (i *Instancer) estimate(position int) time.Duration {
	if position == 0 {
		return 0
	}
	slots := i.Policy().SpawnConcurrency
	rounds := (position + slots - 1) / slots
	return time.Duration(rounds) * i.typical
}
