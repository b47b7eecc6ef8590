package instancer

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// slowStart is how long a start has its slot for itself. One that takes longer mostly waits for something inside its
// containers, and lets another begin beside it.
const slowStart = 10 * time.Second

// queue decides whose spawn is next: first the owners with the fewest spawns under way or before them in the queue,
// among those the challenges with the fewest, among those the owner whose last turn is longest ago, among those the one
// that waits longest. No owner, challenge or address has all slots, so that whatever starts of it do, others start. It
// is memory only; the rows in state queued are what survives a restart.
type queue struct {
	mu      sync.Mutex
	slots   int
	waiting []queued
	active  []active
	turns   map[string]int // owner → number of the last start, forgotten when nobody waits
	turn    int
	shifted bool // positions have changed since that was asked
	shift   loop.Signal
	pace    paces
	again   *time.Timer          // when a start becomes slow
	retry   func()               // called then, with no lock held
	timeout func() time.Duration // of a start

	known   map[string]place // see places
	knownAt time.Time
}

type queued struct {
	id, owner, challenge string
	address              string // where it was asked from; empty: not known
	in                   *whaley.Instance
}

// active is a spawn that has a slot.
type active struct {
	queued
	since time.Time
}

func newQueue(slots int, timeout func() time.Duration, retry func()) *queue {
	return &queue{slots: slots, turns: map[string]int{}, shift: loop.NewSignal(), timeout: timeout, retry: retry}
}

// add puts an instance at its place and returns those that may start now.
func (q *queue) add(in *whaley.Instance, address string) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.has(in.ID) {
		q.waiting = append(
			q.waiting, queued{id: in.ID, owner: in.Owner.ID, challenge: in.Challenge, address: address, in: in},
		)
	}
	return q.startable()
}

func (q *queue) has(id string) bool {
	return slices.ContainsFunc(q.waiting, func(w queued) bool { return w.id == id })
}

// holds says whether an instance waits.
func (q *queue) holds(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.has(id)
}

// done frees the slot of a spawn and returns those that may start now. It learns how long spawns of a challenge have
// their slots, those that fail too, if this one is to be learnt from.
func (q *queue) done(id string, learn bool) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active = slices.DeleteFunc(q.active, func(a active) bool {
		if a.id == id && learn {
			q.pace.learn(a.challenge, time.Since(a.since))
		}
		return a.id == id
	})
	if len(q.active) == 0 && len(q.waiting) == 0 {
		clear(q.turns)
	}
	return q.startable()
}

// ready returns those that may start now.
func (q *queue) ready() []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
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
	q.known = nil
	q.moved()
}

// idle says whether nothing starts or waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.active) == 0 && len(q.waiting) == 0
}

// moved remembers that positions are others now; who waits is told of it by shifts.
func (q *queue) moved() {
	q.shifted = true
	q.shift.Send()
}

// shifts are all that wait, if their positions have changed since it was last called.
func (q *queue) shifts() []*whaley.Instance {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.shifted {
		return nil
	}
	q.shifted = false
	all := make([]*whaley.Instance, len(q.waiting))
	for n, w := range q.waiting {
		all[n] = w.in
	}
	return all
}

func (q *queue) startable() []queued {
	var start []queued
	now := time.Now()
	q.known = nil
	for {
		room := q.room(now)
		ordered := q.order()
		n := slices.IndexFunc(ordered, room.admits)
		if n < 0 {
			break
		}
		next := ordered[n]
		q.waiting = slices.DeleteFunc(q.waiting, func(w queued) bool { return w.id == next.id })
		q.active = append(q.active, active{next, now})
		q.turn++
		q.turns[next.owner] = q.turn
		start = append(start, next)
	}
	if len(start) > 0 && len(q.waiting) > 0 {
		q.moved()
	}
	q.await(now)
	return start
}

// await has it looked again when the next start becomes slow, if any waits for that.
func (q *queue) await(now time.Time) {
	if q.again != nil {
		q.again.Stop()
	}
	next := time.Duration(0)
	for _, a := range q.active {
		if left := slowStart - now.Sub(a.since); left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	if next > 0 && len(q.waiting) > 0 {
		q.again = time.AfterFunc(next, q.retry)
	}
}

// room is what is left of the slots, and of the shares in them.
type room struct {
	fresh, slow         int // starts under way, and those among them that take long
	slots               int
	owners, of, address map[string]int
}

func (q *queue) room(now time.Time) room {
	r := room{slots: q.slots, owners: map[string]int{}, of: map[string]int{}, address: map[string]int{}}
	for _, a := range q.active {
		r.owners[a.owner]++
		r.of[a.challenge]++
		r.address[a.address]++
		if now.Sub(a.since) < slowStart {
			r.fresh++
		} else {
			r.slow++
		}
	}
	return r
}

// share is the most slots that the starts of one challenge, or from one address, have: a quarter is left to others.
func share(slots int) int { return max(1, slots-max(1, slots/4)) }

// ownersShare is the most slots that one owner has.
func ownersShare(slots int) int { return max(1, slots/2) }

// admits says whether a start may begin. Slow ones take at most half of the slots from others, and all together are
// never more than twice the slots but for challenges of which nothing starts.
func (r room) admits(w queued) bool {
	if r.fresh >= max(1, r.slots-min(r.slow, r.slots/2)) {
		return false
	}
	if r.fresh+r.slow >= 2*r.slots && r.of[w.challenge] > 0 {
		return false
	}
	return r.of[w.challenge] < share(r.slots) && r.owners[w.owner] < ownersShare(r.slots) &&
		(w.address == "" || r.address[w.address] < share(r.slots))
}

// order sorts the waiting as they would start if each had its slot. A rank is how many of the same are under way or
// before it.
func (q *queue) order() []queued {
	owners, challenges := map[string]int{}, map[string]int{}
	for _, a := range q.active {
		owners[a.owner]++
		challenges[a.challenge]++
	}
	type ranked struct {
		queued
		owner, challenge int
	}
	all := make([]ranked, len(q.waiting))
	for n, w := range q.waiting {
		all[n] = ranked{queued: w, owner: owners[w.owner]}
		owners[w.owner]++
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(a.owner-b.owner, q.turns[a.queued.owner]-q.turns[b.queued.owner])
	})
	for n := range all {
		all[n].challenge = challenges[all[n].queued.challenge]
		challenges[all[n].queued.challenge]++
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Or(a.owner-b.owner, a.challenge-b.challenge) })
	ordered := make([]queued, len(all))
	for n, w := range all {
		ordered[n] = w.queued
	}
	return ordered
}
