package instancer

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// bystander waits for a challenge of its own.
func bystander(id, owner string) *whaley.Instance {
	return &whaley.Instance{ID: id, Owner: whaley.Owner{ID: owner}, Challenge: "of-" + id}
}

func of(challenge, id string) *whaley.Instance {
	return &whaley.Instance{ID: id, Owner: whaley.Owner{ID: "owner-" + id}, Challenge: challenge}
}

func slotted(slots int) *queue {
	return newQueue(slots, func() time.Duration { return 2 * time.Minute }, func() {})
}

func ids(w []queued) []string {
	var ids []string
	for _, e := range w {
		ids = append(ids, e.id)
	}
	return ids
}

func (q *queue) position(id string) int { return q.places()[id].position }

func TestQueueTakesOwnersWithNothingUnderWayFirst(t *testing.T) {
	q := slotted(1)
	if got := ids(q.add(bystander("a1", "a"), "")); !slices.Equal(got, []string{"a1"}) {
		t.Fatalf("a free slot did not start the first at once: %v", got)
	}
	for _, id := range []string{"a2", "a3"} {
		q.add(bystander(id, "a"), "")
	}
	q.add(bystander("b1", "b"), "")
	if p := q.position("b1"); p != 1 {
		t.Errorf("b1 waits at %d behind an owner who has one under way, want 1", p)
	}
	var order []string
	for last := "a1"; len(order) < 3; {
		next := q.done(last, true)
		if len(next) != 1 {
			t.Fatalf("a freed slot started %v", ids(next))
		}
		order, last = append(order, next[0].id), next[0].id
	}
	if want := []string{"b1", "a2", "a3"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestQueueStartsNoMoreThanItsSlots(t *testing.T) {
	q := slotted(2)
	started := 0
	for _, id := range []string{"1", "2", "3", "4"} {
		started += len(q.add(bystander(id, id), ""))
	}
	if started != 2 {
		t.Errorf("%d started with two slots", started)
	}
}

func TestQueueTellsWhoMovedUp(t *testing.T) {
	q := slotted(1)
	for _, id := range []string{"a", "b", "c"} {
		q.add(bystander(id, id), "")
	}
	q.shifts()
	q.done("a", true)
	<-q.shift
	if moved := q.shifts(); len(moved) != 1 || moved[0].ID != "c" {
		t.Errorf("c moved from 2 to 1, and told are %v", moved)
	}
	if moved := q.shifts(); moved != nil {
		t.Errorf("nothing has changed, and told are %v", moved)
	}
}

func TestQueueForgetsWhatWasDropped(t *testing.T) {
	q := slotted(1)
	q.add(bystander("a", "a"), "")
	q.add(bystander("b", "b"), "")
	q.drop("b")
	if next := q.done("a", true); len(next) != 0 {
		t.Errorf("a dropped instance was started: %v", ids(next))
	}
	if p := q.position("b"); p != 0 {
		t.Errorf("a dropped instance has position %d", p)
	}
}

func TestQueueTakesAnInstanceOnce(t *testing.T) {
	q := slotted(1)
	q.add(bystander("a", "a"), "")
	q.add(bystander("b", "b"), "")
	q.add(bystander("b", "b"), "")
	q.done("a", true)
	if next := q.done("b", true); len(next) != 0 {
		t.Errorf("the same instance was started twice")
	}
}

func TestNoChallengeOwnerOrAddressTakesAllSlots(t *testing.T) {
	for name, hog := range map[string]func(n int) (*whaley.Instance, string){
		"challenge": func(n int) (*whaley.Instance, string) { return of("hog", fmt.Sprint(n)), "" },
		"owner":     func(n int) (*whaley.Instance, string) { return bystander(fmt.Sprint(n), "hog"), "" },
		"address":   func(n int) (*whaley.Instance, string) { return bystander(fmt.Sprint(n), fmt.Sprint(n)), "192.0.2.1" },
	} {
		for _, slots := range []int{2, 3, 4, 10, 50} {
			q := slotted(slots)
			for n := range 3 * slots {
				q.add(hog(n))
			}
			if has := len(q.active); has == 0 || has >= slots || slots >= 4 && has < slots/2 {
				t.Errorf("one %s has %d of %d slots", name, has, slots)
			}
			if next := q.add(bystander("honest", "honest"), "192.0.2.2"); len(next) != 1 {
				t.Errorf("beside one %s and %d slots somebody else waits", name, slots)
			}
		}
	}
	q := slotted(1)
	if q.add(of("only", "a"), "192.0.2.1"); len(q.active) != 1 {
		t.Error("the only slot is nobody's")
	}
}

func TestOfManyWaitingChallengesEachHasItsTurn(t *testing.T) {
	q := slotted(2)
	for n := range 50 {
		q.add(of("popular", fmt.Sprint("p", n)), "")
	}
	q.add(of("other", "o"), "")
	q.add(of("third", "t"), "")
	next := append(q.done("o", true), q.done("p0", true)...)
	if !slices.Contains(ids(next), "t") {
		t.Errorf("with 49 of one challenge waiting %v are next instead of the only one of another", ids(next))
	}
}

// TestStartsThatHangMakeRoomForOthers has challenges that never get ready, each with more starts than there are slots.
func TestStartsThatHangMakeRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *queue
		var mu sync.Mutex
		started := map[string]time.Time{}
		note := func(next []queued) {
			mu.Lock()
			defer mu.Unlock()
			for _, w := range next {
				started[w.id] = time.Now()
			}
		}
		q = newQueue(10, func() time.Duration { return 2 * time.Minute }, func() { note(q.ready()) })
		for c := range 8 {
			for n := range 20 {
				note(q.add(of(fmt.Sprint("hangs", c), fmt.Sprint("h", c, "-", n)), ""))
			}
		}
		for n := range 20 {
			id := fmt.Sprint("honest", n)
			asked := time.Now()
			note(q.add(of("honest", id), ""))
			time.Sleep(2 * slowStart) // at first it is one of many challenges of which nothing starts
			synctest.Wait()
			mu.Lock()
			began, has := started[id]
			mu.Unlock()
			if !has || n > 0 && began.Sub(asked) > slowStart {
				t.Fatalf("start %d of an honest challenge waits for long; %d are under way", n, len(q.active))
			}
			if len(q.active) > 2*10+9 {
				t.Fatalf("%d starts are under way with 10 slots", len(q.active))
			}
			note(q.done(id, true))
		}
	})
}

// TestTheEstimateOfTheQueueIsAboutWhatItTakes lets starts take long, with one challenge that hangs.
func TestTheEstimateOfTheQueueIsAboutWhatItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := slotted(4)
		for n := range 20 {
			q.add(of("hangs", fmt.Sprint("h", n)), "")
		}
		time.Sleep(60 * time.Second)
		own := q.places()["h3"] // three have their slots for a minute
		if own.position != 1 || own.wait < 30*time.Second || own.wait > time.Minute {
			t.Errorf("the next of a challenge whose starts hang is at %d and waits %s", own.position, own.wait)
		}
		if last := q.places()["h19"]; last.position != 17 || last.wait < own.wait {
			t.Errorf("its last is at %d and waits %s", last.position, last.wait)
		}
		for n := range 3 {
			q.add(of(fmt.Sprint("quick", n), fmt.Sprint("q", n)), "")
		}
		if others := q.places()["q2"]; others.position != 1 || others.wait > 2*firstTypical {
			t.Errorf("another is at %d and waits %s", others.position, others.wait)
		}
		for n := range 3 {
			q.done(fmt.Sprint("h", n), true) // timed out
		}
		if after := q.places()["h19"].wait; after < 2*time.Minute {
			t.Errorf("after three have failed late, the last is said to wait %s", after)
		}
	})
}
