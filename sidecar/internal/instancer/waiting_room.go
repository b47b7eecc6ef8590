package instancer

import (
	"math"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// waitRoom is what instances that wait may still take.
type waitRoom struct {
	count  int   // of instances
	places int   // of networks
	bytes  int64 // while they wait
	memory int64 // once owners have them
}

// waitingRoom is what is left for instances that wait beside those that live: an owner must be able to have each, and
// half of the networks, of which there are places, stay for what nobody foresees.
func waitingRoom(p whaley.Policy, places int, live []*whaley.Instance) *waitRoom {
	r := &waitRoom{math.MaxInt, math.MaxInt, math.MaxInt64, math.MaxInt64}
	if places > 0 {
		r.places = places / 2
		for _, in := range live {
			r.places -= len(in.Parts())
		}
	}
	if p.Quota.Total > 0 {
		r.count = max(0, p.Quota.Total-len(live))
	}
	if p.WaitingMemory > 0 {
		r.bytes = p.WaitingMemory
	}
	if p.Quota.Memory > 0 {
		r.memory = p.Quota.Memory
		for _, in := range live {
			if in.State != whaley.Sleeping { // which takes it back when it is woken, if it is free
				r.memory -= in.Needs()
			}
		}
	}
	return r
}

// share gives each wish of a kind one after the other what is left, at most what it wants.
func (r *waitRoom) share(all []wish, warm bool) {
	wanted := make([]int, len(all))
	for n := range all {
		if all[n].warm == warm {
			wanted[n], all[n].count = all[n].count, 0
		}
	}
	for more := true; more; {
		more = false
		for n := range all {
			if all[n].warm == warm && all[n].count < wanted[n] && r.take(all[n]) {
				all[n].count++
				more = true
			}
		}
	}
}

func (r *waitRoom) take(of wish) bool {
	var memory int64
	for _, s := range of.ch.Services {
		memory += s.Limits.MemoryBytes
	}
	bytes := int64(len(of.ch.Services)) * waitingBytes
	if of.warm {
		bytes = max(bytes, memory) // its programs may use all of it
	}
	places := max(1, len(of.ch.Networks))
	if r.count == 0 || r.places < places || r.bytes < bytes || r.memory < of.needs {
		return false
	}
	r.count, r.places, r.bytes, r.memory = r.count-1, r.places-places, r.bytes-bytes, r.memory-of.needs
	return true
}

// isWished says whether one that waits is among those that should. One that is being made while this is asked is a dead
// process's, or could not be made.
func (i *Instancer) isWished(w *whaley.Waiting, all []*whaley.Waiting, wishes []wish) bool {
	n := slices.IndexFunc(wishes, func(of wish) bool {
		return of.form == w.Form || of.build == nil && of.ch.ID == w.Challenge
	})
	if !i.Platform.InPlace(w.Instance()) {
		return false
	}
	if n >= 0 && w.State == whaley.WaitingReady && wishes[n].build == nil {
		return true
	}
	if w.State != whaley.WaitingReady || n < 0 || !i.waiting.isOf(w.ID, wishes[n].build) {
		return false
	}
	before := 0
	for _, other := range all {
		if other == w {
			return before < wishes[n].count
		}
		if other.State == whaley.WaitingReady && other.Form == w.Form {
			before++
		}
	}
	return false
}

// missingWish is the wish of which the least share is there; nil: all is there that can be made now.
func missingWish(all []*whaley.Waiting, wishes []wish) (next *wish) {
	there := map[string]int{}
	for _, w := range all {
		if w.State == whaley.WaitingReady {
			there[w.Form]++
		}
	}
	for n := range wishes {
		of := &wishes[n]
		if !of.made || there[of.form] >= of.count {
			continue
		}
		if next == nil || there[of.form] < there[next.form] {
			next = of
		}
	}
	return next
}
