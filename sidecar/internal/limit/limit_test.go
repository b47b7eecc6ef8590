package limit_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func onRedis(t *testing.T, server *testkit.RedisServer) *limit.Redis {
	t.Helper()
	r, err := limit.NewRedis("redis://"+server.Addr()+"/0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestLimiters(t *testing.T) {
	server := testkit.StartRedis(t, filepath.Join("..", "..", "..", "traefik", "redis.conf"))
	local := limit.NewLocal()
	for name, pair := range map[string][2]limit.Limiter{
		"local": {local, local}, "redis": {onRedis(t, server), onRedis(t, server)},
	} {
		t.Run(name, func(t *testing.T) { contract(t, pair[0], pair[1]) })
	}
}

// contract is what every Limiter does; a and b share their counts.
func contract(t *testing.T, a, b limit.Limiter) {
	ctx := context.Background()
	const window = 2 * time.Second
	t.Run("ManyAtOnceGetAsManyAsThereAre", func(t *testing.T) {
		var taken atomic.Int64
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				wait, err := []limit.Limiter{a, b}[n%2].Take(ctx, "many", 10, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					taken.Add(1)
				} else if wait > time.Minute {
					t.Errorf("wait %s", wait)
				}
			})
		}
		all.Wait()
		if taken.Load() != 10 {
			t.Errorf("%d of 40 were let through, not 10", taken.Load())
		}
	})
	t.Run("ItSlidesAndOthersAreNotConcerned", func(t *testing.T) {
		take := func(key string) time.Duration {
			t.Helper()
			wait, err := a.Take(ctx, key, 2, window)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		take("one")
		time.Sleep(window / 2)
		take("one")
		wait := take("one")
		if wait <= 0 || wait > window/2+50*time.Millisecond {
			t.Errorf("the third has to wait %s", wait)
		}
		if wait := take("other"); wait != 0 {
			t.Errorf("another has to wait %s", wait)
		}
		time.Sleep(wait + 5*time.Millisecond)
		if wait := take("one"); wait != 0 {
			t.Errorf("after the wait there is none left, and yet %s", wait)
		}
		if wait := take("one"); wait == 0 {
			t.Error("two are in the window, and a third is let through")
		}
	})
}

func TestWithoutRedisEachCountsByItself(t *testing.T) {
	server := testkit.StartRedis(t, filepath.Join("..", "..", "..", "traefik", "redis.conf"))
	r := onRedis(t, server)
	server.Stop()
	for n := range 4 {
		wait, err := r.Take(context.Background(), "k", 3, time.Minute)
		if err != nil || (wait > 0) != (n == 3) {
			t.Errorf("%d: %s %v", n, wait, err)
		}
	}
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
