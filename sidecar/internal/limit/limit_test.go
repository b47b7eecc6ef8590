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

func TestAFloodOfKeysResetsNoOtherLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewLocal()
		take := func(key string, n int) time.Duration {
			wait, err := l.Take(context.Background(), key, n, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		const players, most = 50, 5
		for range most {
			for n := range players {
				if wait := take(fmt.Sprint("player ", n), most); wait != 0 {
					t.Fatal(n, wait)
				}
			}
		}
		for n := range 120_000 {
			time.Sleep(time.Nanosecond)
			if wait := take(fmt.Sprint(n), 1); wait != 0 {
				t.Fatal(n, wait)
			}
		}
		for n := range players {
			if take(fmt.Sprint("player ", n), most) == 0 {
				t.Errorf("the flood has reset the limit of player %d", n)
			}
		}
		if wait := take("119999", 1); wait != time.Minute {
			t.Errorf("the latest was forgotten: %s", wait)
		}
		time.Sleep(time.Minute)
		if wait := take("119999", 1); wait != 0 {
			t.Errorf("a window later: %s", wait)
		}
	})
}

func TestAFloodOfKeysIsBounded(t *testing.T) {
	l := limit.NewLocal()
	for n := range 101_000 {
		_, _ = l.Take(context.Background(), fmt.Sprint(n), 1, time.Hour)
	}
	if n := l.Len(); n > 100_000 {
		t.Errorf("%d keys are remembered", n)
	}
}
