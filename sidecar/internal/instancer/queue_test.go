package instancer

import (
	"slices"
	"testing"
)

func waitingInstance(id, owner string) *Instance { return &Instance{ID: id, Owner: Owner{ID: owner}} }

func ids(w []queued) []string {
	var ids []string
	for _, e := range w {
		ids = append(ids, e.id)
	}
	return ids
}

func TestQueueTakesOwnersWithNothingUnderWayFirst(t *testing.T) {
	q := newQueue(1, func(*Instance) {})
	if got := ids(q.add(waitingInstance("a1", "a"))); !slices.Equal(got, []string{"a1"}) {
		t.Fatalf("a free slot did not start the first at once: %v", got)
	}
	for _, id := range []string{"a2", "a3"} {
		q.add(waitingInstance(id, "a"))
	}
	q.add(waitingInstance("b1", "b"))
	if p := q.position("b1"); p != 1 {
		t.Errorf("b1 waits at %d behind an owner who has one under way, want 1", p)
	}
	var order []string
	for owner := "a"; len(order) < 3; {
		next := q.done(owner)
		if len(next) != 1 {
			t.Fatalf("a freed slot started %v", ids(next))
		}
		order, owner = append(order, next[0].id), next[0].owner
	}
	if want := []string{"b1", "a2", "a3"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestQueueStartsNoMoreThanItsSlots(t *testing.T) {
	q := newQueue(2, func(*Instance) {})
	started := 0
	for _, id := range []string{"1", "2", "3", "4"} {
		started += len(q.add(waitingInstance(id, id)))
	}
	if started != 2 {
		t.Errorf("%d started with two slots", started)
	}
}

func TestQueueTellsWhoMovedUp(t *testing.T) {
	moved := map[string]int{}
	q := newQueue(1, func(in *Instance) { moved[in.ID]++ })
	q.add(waitingInstance("a", "a"))
	q.add(waitingInstance("b", "b"))
	q.add(waitingInstance("c", "c"))
	q.done("a")
	if moved["c"] != 1 {
		t.Errorf("c moved from 2 to 1 and was told %d times", moved["c"])
	}
}

func TestQueueForgetsWhatWasDropped(t *testing.T) {
	q := newQueue(1, func(*Instance) {})
	q.add(waitingInstance("a", "a"))
	q.add(waitingInstance("b", "b"))
	q.drop("b")
	if next := q.done("a"); len(next) != 0 {
		t.Errorf("a dropped instance was started: %v", ids(next))
	}
	if p := q.position("b"); p != 0 {
		t.Errorf("a dropped instance has position %d", p)
	}
}

func TestQueueTakesAnInstanceOnce(t *testing.T) {
	q := newQueue(1, func(*Instance) {})
	q.add(waitingInstance("a", "a"))
	q.add(waitingInstance("b", "b"))
	q.add(waitingInstance("b", "b"))
	q.done("a")
	if next := q.done("b"); len(next) != 0 {
		t.Errorf("the same instance was started twice")
	}
}
