package memtest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/memory"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// scale is a number of a test, larger in make soak.
func scale(t *testing.T, name string, usually int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usually
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// TestAWholeEventLosesAndLeaksNothing: many owners come, a hundred within the first ten seconds, and each has an
// instance all the time, started anew whenever the time of the last is over.
func TestAWholeEventLosesAndLeaksNothing(t *testing.T) {
	owners, hours := scale(t, "SOAK_LIVE", 40), scale(t, "SOAK_HOURS", 1)
	ch := built("web", web("2s"))
	ch.Timeout = time.Duration(hours) * time.Hour / 3
	playIn(t, &world{host: memory.NewHost()}, func(w *world) {
		w.policy.SpawnConcurrency = 50
		w.rules.SetPolicy(w.policy)
		began := time.Now()
		over := began.Add(time.Duration(hours) * time.Hour)
		var mu sync.Mutex
		var waits []time.Duration
		starts, lost, most := 0, 0, 0
		var playing sync.WaitGroup
		for n := range owners {
			playing.Go(func() {
				time.Sleep(arrival(n))
				name := fmt.Sprint("owner-", n)
				for time.Now().Before(over) {
					in, err := w.rules.Spawn(w.t.Context(), player(name), "web")
					if err != nil { // the last one is being stopped
						time.Sleep(time.Second)
						continue
					}
					for in.State == whaley.Queued || in.State == whaley.Starting {
						time.Sleep(500 * time.Millisecond)
						in = w.get(in.ID)
					}
					mu.Lock()
					if starts++; in.State == whaley.Running {
						waits = append(waits, in.StartedAt.Sub(in.CreatedAt))
					} else {
						lost++
					}
					mu.Unlock()
					time.Sleep(time.Until(in.ExpiresAt) + 2*time.Second)
				}
			})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		mu.Lock()
		first := len(waits)
		mu.Unlock()
		for time.Now().Before(over) {
			time.Sleep(15 * time.Minute)
			rows, err := w.db.LiveRows(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			most = max(most, len(rows))
			if services := w.objects(""); len(services) > len(rows) {
				w.t.Errorf("after %s %d services run for %d rows", time.Since(began), len(services), len(rows))
			}
		}
		playing.Wait()
		time.Sleep(ch.Timeout + time.Minute)
		w.nothingLeft()
		if lost > 0 || most < owners*9/10 || first < min(100, owners)*9/10 {
			w.t.Errorf("%d starts failed; %d of %d lived at once; %d of the first hundred ran after ten seconds", lost, most, owners, first)
		}
		slices.Sort(waits)
		at := func(part float64) time.Duration { return waits[int(part*float64(len(waits)-1))] }
		w.t.Logf(
			"%d h, %d live at most, %d starts: ready after p50 %s, p95 %s, p99 %s; %d within the first 10 s", hours, most, starts, at(0.5),
			at(0.95), at(0.99), first,
		)
	}, loaded{ch})
}

// arrival is when an owner comes: a hundred within seconds, the others within the hour that follows.
func arrival(n int) time.Duration {
	if n < 100 {
		return time.Duration(n) * 60 * time.Millisecond
	}
	return 10*time.Second + time.Duration(n)*700*time.Millisecond
}
