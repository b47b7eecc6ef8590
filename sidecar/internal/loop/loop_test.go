package loop_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

func TestABackoffDoublesUpToItsMost(t *testing.T) {
	b := loop.Backoff{First: time.Second, Most: 10 * time.Minute}
	want := time.Second
	for n := range 1000 {
		if got := b.Next(); got != want {
			t.Fatalf("after %d failures %s instead of %s", n+1, got, want)
		}
		want = min(2*want, b.Most)
	}
	if b.Reset(); b.Failed() || b.Next() != time.Second || !b.Failed() {
		t.Error("it does not begin anew")
	}
}

func TestASignalIsNotLostAndWakesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, began := loop.NewSignal(), time.Now()
		s.Send()
		s.Send() // before anybody waits
		if err := s.Wait(t.Context(), time.Hour); err != nil || time.Since(began) > 0 {
			t.Errorf("it waits %s, %v", time.Since(began), err)
		}
		if err := s.Wait(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("it wakes twice, after %s, %v", time.Since(began), err)
		}
	})
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := loop.Sleep(ctx, time.Hour); err == nil || time.Since(began) != time.Second {
			t.Errorf("it ends after %s with %v", time.Since(began), err)
		}
	})
}
