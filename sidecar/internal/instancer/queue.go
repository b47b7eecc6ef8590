package instancer

import (
	"cmp"
	"slices"
	"sync"
)

// queue decides whose spawn is next: first the owners with the fewest spawns under way or before them in the queue,
// among those the one whose last turn is longest ago, among those the one that waits longest. It is memory only; the rows in state queued are what survives a restart.
type queue struct {
	mu      sync.Mutex
	slots   int
	waiting []queued
	active  map[string]int // owner → spawns under way
	turns   map[string]int // owner → number of the last start, forgotten when nobody waits
	turn    int
	busy    int
	moved   func(*Instance) // told of each whose position changed; must not call back
}

type queued struct {
	id, owner string
	in        *Instance
}

func newQueue(slots int, moved func(*Instance)) *queue {
	return &queue{slots: slots, active: map[string]int{}, turns: map[string]int{}, moved: moved}
}

// add puts an instance at its place and returns those that may start now.
func (q *queue) add(in *Instance) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.ContainsFunc(q.waiting, func(w queued) bool { return w.id == in.ID }) {
		q.waiting = append(q.waiting, queued{id: in.ID, owner: in.Owner.ID, in: in})
	}
	return q.startable()
}

// done frees the slot of an owner's spawn and returns those that may start now.
func (q *queue) done(owner string) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy--
	if q.active[owner]--; q.active[owner] == 0 {
		delete(q.active, owner)
	}
	if q.busy == 0 && len(q.waiting) == 0 {
		clear(q.turns)
	}
	return q.startable()
}

// resize changes how many may start at the same time and returns those that may start now.
func (q *queue) resize(slots int) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slots = slots
	return q.startable()
}

// drop takes an instance out that waits no longer.
func (q *queue) drop(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(w queued) bool { return w.id == id })
}

// idle says whether nothing starts or waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.busy == 0 && len(q.waiting) == 0
}

// position is 1 for the next to start, 0 for what does not wait.
func (q *queue) position(id string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return 1 + slices.IndexFunc(q.order(), func(w queued) bool { return w.id == id })
}

// positions are those of all that wait.
func (q *queue) positions() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make(map[string]int, len(q.waiting))
	for n, w := range q.order() {
		all[w.id] = n + 1
	}
	return all
}

func (q *queue) startable() []queued {
	var start []queued
	for q.busy < q.slots && len(q.waiting) > 0 {
		next := q.order()[0]
		q.waiting = slices.DeleteFunc(q.waiting, func(w queued) bool { return w.id == next.id })
		q.busy++
		q.active[next.owner]++
		q.turn++
		q.turns[next.owner] = q.turn
		start = append(start, next)
	}
	if len(start) > 0 {
		for _, w := range q.waiting {
			q.moved(w.in)
		}
	}
	return start
}

// order sorts the waiting as they will start if nothing else comes.
func (q *queue) order() []queued {
	rank := map[string]int{}
	ranks := make(map[string]int, len(q.waiting))
	for _, w := range q.waiting {
		if _, seen := rank[w.owner]; !seen {
			rank[w.owner] = q.active[w.owner]
		}
		ranks[w.id] = rank[w.owner]
		rank[w.owner]++
	}
	ordered := slices.Clone(q.waiting)
	slices.SortStableFunc(ordered, func(a, b queued) int {
		return cmp.Or(ranks[a.id]-ranks[b.id], q.turns[a.owner]-q.turns[b.owner])
	})
	return ordered
}
