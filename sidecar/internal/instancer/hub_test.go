package instancer

import (
	"context"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
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

// told is a database that others have changed.
type told struct {
	Store
	changes chan whaley.Change
}

func (s told) Changes(context.Context) <-chan whaley.Change { return s.changes }

func TestAChangeOfAnOwnerWakesWhoWaitsForThatOwnerOnly(t *testing.T) {
	i := &Instancer{Needs: Needs{Store: told{changes: make(chan whaley.Change)}}, hub: newHub()}
	go func() { _ = i.hearLoop(t.Context()) }()
	mine, done := i.hub.watch(ownerKey("mine"))
	defer done()
	theirs, doneToo := i.hub.watch(ownerKey("theirs"))
	defer doneToo()
	i.Store.(told).changes <- whaley.Change{Owner: "mine"}
	<-mine
	select {
	case <-theirs:
		t.Error("others are woken too")
	default:
	}
	i.Store.(told).changes <- whaley.Change{}
	<-theirs
}
