package instancer

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	firstTypical = 2 * time.Second // before any spawn was seen
	weight       = 8               // of what was known, against one for the newest
)

// paces are how long starts have their slots, of all challenges together and of each.
type paces struct {
	all    time.Duration
	of     map[string]time.Duration
	seen   map[string]time.Duration             // of each that was seen, without what is supposed of those that were not
	before func(challenge string) time.Duration // what is remembered of earlier processes; nil or 0: nothing
}

func (p *paces) learn(challenge string, took time.Duration) {
	if p.seen == nil {
		p.seen = map[string]time.Duration{}
	}
	p.seen[challenge] = (cmp.Or(p.seen[challenge], took) + took) / 2
	p.all = (weight*p.typical("") + took) / (weight + 1)
	p.set(challenge, (p.typical(challenge)+took)/2) // what is known of one changes with each edit
}

func (p *paces) set(challenge string, took time.Duration) {
	if p.of == nil {
		p.of = map[string]time.Duration{}
	}
	p.of[challenge] = took
}

// typical is that of a challenge as far as it is known or remembered, else of all.
func (p *paces) typical(challenge string) time.Duration {
	if known := p.of[challenge]; known > 0 || challenge == "" || p.before == nil {
		return cmp.Or(known, p.all, firstTypical)
	}
	before := p.before(challenge)
	if before > 0 {
		p.set(challenge, before)
	}
	return cmp.Or(before, p.all, firstTypical)
}

// seen is how long starts of a challenge took lately; 0: none was seen.
func (q *queue) seen(challenge string) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pace.seen[challenge]
}

// learn adds a start that stood in no queue.
func (q *queue) learn(challenge string, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.learn(challenge, took)
}

// keep forgets challenges that are no more.
func (q *queue) keep(loaded func(challenge string) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, known := range []map[string]time.Duration{q.pace.of, q.pace.seen} {
		maps.DeleteFunc(known, func(id string, _ time.Duration) bool { return !loaded(id) })
	}
}

// place is where an instance stands in the queue.
type place struct {
	position int           // 1 is next
	wait     time.Duration // about how long it still waits
}

// placesHold is how long places are right that nothing has changed.
const placesHold = 200 * time.Millisecond

// places are those of all that wait. They are found out together and kept for a moment, because each of many who wait
// asks for its own.
func (q *queue) places() map[string]place {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); q.known == nil || now.Sub(q.knownAt) > placesHold {
		q.known, q.knownAt = q.findPlaces(now), now
	}
	return q.known
}

// findPlaces looks at when the starts under way will end. Who waits for those of the same challenge waits for these,
// whatever is free beside them.
func (q *queue) findPlaces(now time.Time) map[string]place {
	timeout := q.timeout()
	var ends []time.Duration               // of slots
	endsOf := map[string][]time.Duration{} // challenge → of its starts
	for _, a := range q.active {
		age := now.Sub(a.since)
		// What takes longer than usual will take as long again.
		left := min(max(q.pace.typical(a.challenge)-age, age), max(0, timeout-age))
		endsOf[a.challenge] = append(endsOf[a.challenge], left)
		if age < slowStart {
			ends = append(ends, min(left, slowStart-age))
		}
	}
	slices.Sort(ends)
	for _, of := range endsOf {
		slices.Sort(of)
	}
	r, most, before := q.room(now), share(q.slots), map[string]int{}
	free := max(1, r.slots-min(r.slow, r.slots/2)) - r.fresh
	type waits struct {
		id        string
		own, slot time.Duration
		blocked   bool
	}
	all := make([]waits, 0, len(q.waiting))
	for n, w := range q.order() {
		one := waits{id: w.id, slot: nth(ends, n-free, q.slots, q.pace.typical(""))}
		of := before[w.challenge]
		before[w.challenge]++
		one.own = nth(endsOf[w.challenge], r.of[w.challenge]+of-most, most, q.pace.typical(w.challenge))
		one.blocked = one.own > one.slot
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b waits) int {
		if a.blocked || b.blocked {
			return cmp.Compare(max(a.own, a.slot), max(b.own, b.slot))
		}
		return 0
	})
	places := make(map[string]place, len(all))
	for n, one := range all {
		places[one.id] = place{n + 1, max(one.own, one.slot)}
	}
	return places
}

// nth is about when the nth of some slots is free, of which those under way end at known times and all later ones take
// a typical one; n below 0: now.
func nth(ends []time.Duration, n, slots int, typical time.Duration) time.Duration {
	switch {
	case n < 0:
		return 0
	case n < len(ends):
		return ends[n]
	}
	last := time.Duration(0)
	if len(ends) > 0 {
		last = ends[len(ends)-1]
	}
	return last + time.Duration(1+(n-len(ends))/max(1, slots))*typical
}

// Estimate is about how long it is until an instance's start begins: until its images are built, and its turn has come;
// 0 if it has begun.
func (i *Instancer) Estimate(id string) time.Duration { return i.progressOf(id).estimate }
