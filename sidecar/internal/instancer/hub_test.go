package instancer

import (
	"testing"
)

func TestHubWakesEveryWaiterOfAKeyAndNoOther(t *testing.T) {
	h := newHub()
	a, doneA := h.watch("k")
	b, doneB := h.watch("k")
	other, doneOther := h.watch("other")
	defer doneOther()
	h.notify("k")
	<-a
	<-b
	select {
	case <-other:
		t.Error("woken for another key")
	default:
	}
	doneA()
	doneB()
}

func TestHubKeepsNothingForKeysNobodyWaitsFor(t *testing.T) {
	h := newHub()
	_, done := h.watch("k")
	done()
	done() // twice is once
	_, first := h.watch("n")
	h.notify("n")
	_, second := h.watch("n")
	first() // of the old generation: the new waiter stays
	if len(h.topics) != 1 {
		t.Fatalf("%d topics, want the one that is waited for", len(h.topics))
	}
	second()
	if len(h.topics) != 0 {
		t.Errorf("%d topics left behind", len(h.topics))
	}
}

func TestAChangeOfAnOwnerWakesWhoWaitsForThatOwnerOnly(t *testing.T) {
	i := &Instancer{hub: newHub()}
	mine, done := i.hub.watch(ownerKey("mine"))
	defer done()
	theirs, doneToo := i.hub.watch(ownerKey("theirs"))
	defer doneToo()
	i.OwnerChanged("mine")
	<-mine
	select {
	case <-theirs:
		t.Error("others are woken too")
	default:
	}
	i.hub.notifyAll()
	<-theirs
}
