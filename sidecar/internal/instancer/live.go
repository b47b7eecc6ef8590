package instancer

import "time"

// LiveRow is the little of a live instance that thousands of them can be counted by.
type LiveRow struct {
	ID        string
	Challenge string
	Owner     Owner
	Player    string
	State     State
	CreatedAt time.Time
	StartedAt time.Time
	ExpiresAt time.Time
	Memory    int64
}

// Queue is how many spawns wait here for their turn, and how many are under way.
func (i *Instancer) Queue() (waiting, busy int) {
	i.queue.mu.Lock()
	defer i.queue.mu.Unlock()
	return len(i.queue.waiting), len(i.queue.active)
}
