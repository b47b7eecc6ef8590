package instancer

import (
	"container/heap"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// schedule is a set of ids, each with the one moment at which something is due about it. It holds nothing else: an id
// that was moved or dropped leaves nothing behind.
type schedule struct {
	mu      sync.Mutex
	heap    momentHeap
	at      map[string]*moment
	earlier loop.Signal // the first moment changed
}

type moment struct {
	id    string
	at    time.Time
	index int // in the heap
}

func newSchedule() *schedule {
	return &schedule{at: map[string]*moment{}, earlier: loop.NewSignal()}
}

// set gives an id its moment, whichever it had before.
func (s *schedule) set(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(id, at)
}

// sooner gives an id its moment unless it has an earlier one.
func (s *schedule) sooner(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.at[id]; m == nil || at.Before(m.at) {
		s.put(id, at)
	}
}

func (s *schedule) put(id string, at time.Time) {
	m := s.at[id]
	switch {
	case m == nil:
		m = &moment{id: id, at: at}
		s.at[id] = m
		heap.Push(&s.heap, m)
	case m.at.Equal(at):
		return
	default:
		m.at = at
		heap.Fix(&s.heap, m.index)
	}
	if s.heap[0] == m {
		s.earlier.Send()
	}
}

func (s *schedule) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.at[id]; m != nil {
		heap.Remove(&s.heap, m.index)
		delete(s.at, id)
	}
}

// keep drops all ids that are not wanted any more.
func (s *schedule) keep(wanted func(id string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.at {
		if !wanted(id) {
			heap.Remove(&s.heap, m.index)
			delete(s.at, id)
		}
	}
}

// due takes out all ids whose moment has come, and says how long it is to the next one.
func (s *schedule) due(now time.Time) (ids []string, next time.Duration) {
	for {
		id, wait, found := s.first(now)
		if !found {
			return ids, wait
		}
		ids = append(ids, id)
	}
}

// first takes out the first id whose moment has come, or says how long it is to the next one.
func (s *schedule) first(now time.Time) (id string, next time.Duration, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.heap) == 0:
		return "", time.Hour, false
	case s.heap[0].at.After(now):
		return "", s.heap[0].at.Sub(now), false
	}
	m := heap.Pop(&s.heap).(*moment)
	delete(s.at, m.id)
	return m.id, 0, true
}

type momentHeap []*moment

func (h momentHeap) Len() int           { return len(h) }
func (h momentHeap) Less(a, b int) bool { return h[a].at.Before(h[b].at) }
func (h momentHeap) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].index, h[b].index = a, b
}

func (h *momentHeap) Push(x any) {
	m := x.(*moment)
	m.index = len(*h)
	*h = append(*h, m)
}

func (h *momentHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
