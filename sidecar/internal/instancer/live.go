package instancer

// Queue is how many spawns wait here for their turn, and how many are under way.
func (i *Instancer) Queue() (waiting, busy int) {
	i.queue.mu.Lock()
	defer i.queue.mu.Unlock()
	return len(i.queue.waiting), len(i.queue.active)
}
