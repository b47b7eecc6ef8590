package instancer

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
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
	expireAtOnce = 16              // stops being written at a time
	expireRetry  = 5 * time.Second // after an expiry that could not be written
)

// expireLoop stops what is due. One that fails is tried again and holds up no other.
func (i *Instancer) expireLoop(ctx context.Context) error {
	for {
		ids, next := i.deadline.due(time.Now())
		var g errgroup.Group
		g.SetLimit(expireAtOnce)
		for _, id := range ids {
			g.Go(func() error {
				if err := i.expire(ctx, id); err != nil && ctx.Err() == nil {
					i.Log.Error("instance did not expire", "instance", id, "err", err, "again_in", expireRetry)
					i.deadline.set(id, time.Now().Add(expireRetry))
				}
				return nil
			})
		}
		_ = g.Wait() // each has logged its own
		if len(ids) > 0 {
			continue
		}
		timer := time.NewTimer(next)
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

func (i *Instancer) expire(ctx context.Context, id string) error {
	in, err := i.Store.Get(ctx, id)
	if CodeOf(err) == CodeInstanceNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if in.State != Running {
		return nil
	}
	if in.ExpiresAt.After(time.Now()) {
		i.deadline.set(id, in.ExpiresAt)
		return nil
	}
	_, err = i.stop(ctx, in, CauseExpired)
	return err
}
