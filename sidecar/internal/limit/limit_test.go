package limit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
)

func TestManyAtOnceGetAsManyAsThereAre(t *testing.T) {
	l := limit.NewLocal()
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			wait, err := l.Take(context.Background(), "many", 10, time.Minute)
			if err != nil || wait > time.Minute {
				t.Errorf("wait %s: %v", wait, err)
			}
			if wait == 0 {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 10 {
		t.Errorf("%d of 40 were let through, not 10", taken.Load())
	}
}

func TestTheWindowSlidesAndOthersAreNotConcerned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 2 * time.Second
		l := limit.NewLocal()
		want := func(key string, wait time.Duration) {
			t.Helper()
			if got, err := l.Take(context.Background(), key, 2, window); got != wait || err != nil {
				t.Errorf("%s has to wait %s instead of %s: %v", key, got, wait, err)
			}
		}
		want("one", 0)
		time.Sleep(window / 2)
		want("one", 0)
		want("one", window/2)
		want("other", 0)
		time.Sleep(window / 2)
		want("one", 0)
		want("one", window/2)
	})
}

func TestAFloodOfKeysIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewLocal()
		for n := range 250_000 {
			if wait, _ := l.Take(context.Background(), fmt.Sprint(n), 1, time.Minute); wait != 0 {
				t.Fatal(n, wait)
			}
		}
		if wait, _ := l.Take(context.Background(), "249999", 1, time.Minute); wait != time.Minute {
			t.Errorf("the latest was forgotten too: %s", wait)
		}
		time.Sleep(time.Minute)
		if wait, _ := l.Take(context.Background(), "249999", 1, time.Minute); wait != 0 {
			t.Errorf("a window later: %s", wait)
		}
	})
}
