package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// outgoing checks what others are to be told of.
func outgoing(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	s.OnOwed(func(ev whaley.Event) []string {
		switch ev.Type {
		case "for_both":
			return []string{"one", "two"}
		case "for_one":
			return []string{"one"}
		}
		return nil
	})
	defer s.OnOwed(nil)
	for _, ev := range []whaley.Event{
		{Type: "for_both", Message: "a"}, {Type: "for_nobody"}, {Type: "for_one", Message: "b", Owner: "o"},
		{Type: "for_both", Message: "c"},
	} {
		ev.At = time.Now()
		if err := s.Record(ctx, ev); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func(target string, limit int, want ...string) []whaley.Event {
		t.Helper()
		all, err := other.Outgoing(ctx, target, limit)
		messages := []string{}
		for _, ev := range all {
			messages = append(messages, ev.Message)
		}
		if err != nil || !slices.Equal(messages, want) {
			t.Errorf("%s is to be told of %q, want %q, %v", target, messages, want, err)
		}
		return all
	}
	waiting("one", 2, "a", "b")
	waiting("two", 10, "a", "c")
	waiting("three", 10)
	all := waiting("one", 10, "a", "b", "c")
	if err := other.Told(ctx, "one", all[:1]); err != nil {
		t.Error(err)
	}
	if err := other.Told(ctx, "one", nil); err != nil {
		t.Error(err)
	}
	waiting("one", 10, "b", "c")
	waiting("two", 10, "a", "c")
	for keep, gone := range map[int]int{5: 0, 2: 0} {
		if n, err := s.TrimOutgoing(ctx, "one", keep); n != gone || err != nil {
			t.Errorf("%d gave way to %d, %v", n, keep, err)
		}
	}
	if n, err := s.TrimOutgoing(ctx, "one", 1); n != 1 || err != nil {
		t.Errorf("%d gave way, %v", n, err)
	}
	waiting("one", 10, "c")
	waiting("two", 10, "a", "c")
	if n, err := s.ForgetEvents(ctx, time.Now().Add(time.Hour), 10_000); n == 0 || err != nil {
		t.Error(n, err)
	}
	waiting("two", 10)
	if n, err := s.TrimOutgoing(ctx, "two", 0); n != 0 || err != nil {
		t.Errorf("%d are left behind, %v", n, err)
	}
	if err := s.Record(ctx, whaley.Event{Type: "for_nobody", Message: "after it all", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}
