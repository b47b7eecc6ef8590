package port_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func lanes(t *testing.T, first, last int) *port.Lanes {
	t.Helper()
	s, err := store.Open(context.Background(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	l, err := port.New(s, first, last)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func reserve(t *testing.T, l *port.Lanes, instance, owner string, internal ...int) map[int]int {
	t.Helper()
	got, err := l.Reserve(context.Background(), instance, owner, "pwn", internal)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAnOwnerGetsTheSamePortsAgain(t *testing.T) {
	l := lanes(t, 21000, 21063)
	first := reserve(t, l, "a1", "alice", 9000, 22)
	if again := reserve(t, l, "a1", "alice", 9000, 22); again[9000] != first[9000] || again[22] != first[22] {
		t.Errorf("asked twice: %v and %v", first, again)
	}
	if err := l.Release(context.Background(), "a1"); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		reserve(t, l, fmt.Sprint("b", n), fmt.Sprint("bob", n), 9000)
	}
	next := reserve(t, l, "a2", "alice", 9000, 22)
	if next[9000] != first[9000] && next[22] != first[22] {
		t.Errorf("had %v, got %v", first, next)
	}
}

// The ports of these tests are below those that connections to the outside are given, which may take any of them.
func TestEveryPortHasOneHolderUntilNoneIsLeft(t *testing.T) {
	l := lanes(t, 21100, 21119)
	seen := map[int]bool{}
	for n := range 20 {
		got := reserve(t, l, fmt.Sprint("i", n), fmt.Sprint("o", n), 9000)[9000]
		if seen[got] || got < 21100 || got > 21119 {
			t.Errorf("port %d", got)
		}
		seen[got] = true
	}
	_, err := l.Reserve(context.Background(), "more", "more", "pwn", []int{9000})
	if whaley.CodeOf(err) != "ports_exhausted" {
		t.Errorf("the 21st: %v", err)
	}
	if holders, err := l.Holders(context.Background()); err != nil || len(holders) != 20 {
		t.Errorf("%d holders %v", len(holders), err)
	}
}

func TestAPortThatSomebodyListensOnIsLeftOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:21200")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := lanes(t, 21200, 21201)
	if got := reserve(t, l, "a", "alice", 9000)[9000]; got != 21201 {
		t.Errorf("got %d", got)
	}
}

func TestARangeThatCannotBeIsRefused(t *testing.T) {
	for _, r := range [][2]int{{80, 100}, {40000, 39999}, {60000, 70000}} {
		if _, err := port.New(nil, r[0], r[1]); err == nil {
			t.Errorf("%v is taken", r)
		}
	}
}

func TestAPortIsItsOwnersFromWhenItIsShown(t *testing.T) {
	l, ctx := lanes(t, 21300, 21303), context.Background()
	var known []int
	l.OnKnown(func(port int) { known = append(known, port) })
	shown, err := l.Book(ctx, "alice", "pwn", []int{9000, 22})
	if err != nil || len(shown) != 2 || shown[22] == shown[9000] || len(known) != 2 {
		t.Fatalf("%v %v, known %v", shown, err, known)
	}
	again, err := l.Book(ctx, "alice", "pwn", []int{9000, 22})
	if err != nil || again[9000] != shown[9000] || again[22] != shown[22] {
		t.Errorf("shown again: %v %v, first %v", again, err, shown)
	}
	if all, err := l.Booked(ctx, "alice"); err != nil || all["pwn"][22] != shown[22] {
		t.Errorf("of all challenges: %v %v", all, err)
	}
	for n := range 2 {
		if got := reserve(t, l, fmt.Sprint("b", n), fmt.Sprint("bob", n), 9000)[9000]; got == shown[9000] || got == shown[22] {
			t.Errorf("%d is alice's", got)
		}
	}
	if none, err := l.Book(ctx, "carol", "pwn", []int{9000}); err != nil || len(none) != 0 {
		t.Errorf("none is left to show, carol sees %v %v", none, err)
	}
	if got := reserve(t, l, "a1", "alice", 9000); got[9000] != shown[9000] {
		t.Errorf("alice was shown %d and got %d", shown[9000], got[9000])
	}
	// Who starts something comes before who only looked at it.
	if got := reserve(t, l, "c1", "carol", 9000)[9000]; got != shown[22] {
		t.Errorf("carol got %d, want %d, which nothing holds", got, shown[22])
	}
}
