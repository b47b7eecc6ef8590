package port_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func lanes(t *testing.T, first, last int) *port.Lanes {
	t.Helper()
	s, err := store.Open(context.Background(), "", t.TempDir())
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
