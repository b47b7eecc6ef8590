package instancer

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// deadlines is a heap of the moments at which instances expire. An entry may be out of date: who acts on one reads
// the row first.
type deadlines struct {
	mu      sync.Mutex
	entries entryHeap
	current map[string]time.Time // instance → the deadline that counts
	earlier chan struct{}        // the first entry changed
}

type entry struct {
	id string
	at time.Time
}

func newDeadlines() *deadlines {
	return &deadlines{current: map[string]time.Time{}, earlier: make(chan struct{}, 1)}
}

func (d *deadlines) set(id string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current[id].Equal(at) {
		return
	}
	d.current[id] = at
	heap.Push(&d.entries, entry{id, at})
	if d.entries[0].id == id {
		select {
		case d.earlier <- struct{}{}:
		default:
		}
	}
}

func (d *deadlines) drop(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.current, id)
}

// due takes out all instances whose moment has come, and says how long it is to the next one.
func (d *deadlines) due(now time.Time) (ids []string, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.entries) > 0 {
		first := d.entries[0]
		if !d.current[first.id].Equal(first.at) {
			heap.Pop(&d.entries) // extended or stopped since
			continue
		}
		if first.at.After(now) {
			return ids, first.at.Sub(now)
		}
		heap.Pop(&d.entries)
		delete(d.current, first.id)
		ids = append(ids, first.id)
	}
	return ids, time.Hour
}

type entryHeap []entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(a, b int) bool { return h[a].at.Before(h[b].at) }
func (h entryHeap) Swap(a, b int)      { h[a], h[b] = h[b], h[a] }
func (h *entryHeap) Push(x any)        { *h = append(*h, x.(entry)) }
func (h *entryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

const (
	expireRetry = 5 * time.Second // after an expiry that could not be written
	longestNap  = time.Second     // the clock may be set while the loop sleeps, which its timer does not notice
)

// expireLoop stops what is due. What fails is tried again and holds up nothing else.
func (i *Instancer) expireLoop(ctx context.Context) error {
	for {
		ids, next := i.deadline.due(i.now())
		if len(ids) > 0 {
			i.expire(ctx, ids)
			continue
		}
		timer := time.NewTimer(min(next, longestNap))
		select {
		case <-timer.C:
		case <-i.deadline.earlier:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// expire writes all at once, since hundreds may be due in the same moment, or one by one if that fails.
func (i *Instancer) expire(ctx context.Context, ids []string) {
	now := i.now()
	stopping, err := i.Store.Expire(ctx, ids, now)
	if err != nil && len(ids) > 1 {
		for _, id := range ids {
			i.expire(ctx, []string{id})
		}
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			i.Log.Error("instance did not expire", "instance", ids[0], "err", err, "again_in", expireRetry)
			i.deadline.set(ids[0], now.Add(expireRetry))
		}
		return
	}
	written := map[string]bool{}
	for _, in := range stopping {
		written[in.ID] = true
		i.changed(in)
		i.takeDown(in)
	}
	for _, id := range ids {
		if written[id] {
			continue
		}
		// Extended by another sidecar, stopped meanwhile, or gone.
		if in, err := i.Store.Get(ctx, id); err == nil && in.State == Running {
			i.deadline.set(id, in.ExpiresAt)
		}
	}
}
