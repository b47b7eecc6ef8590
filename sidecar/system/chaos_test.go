package system

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// scale is how much a test does: little in make test, much in make soak.
func scale(t *testing.T, name string, little int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return little
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestPowerCutsWhilePlayersPlayLeaveNothingBehind kills the sidecar again and again while ten players start and stop, and
// others keep what they have: these lose nothing. SOAK_LIVE_REAL and SOAK_CYCLES say how much of it.
func TestPowerCutsWhilePlayersPlayLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	cycles, live := scale(t, "SOAK_CYCLES", 20), scale(t, "SOAK_LIVE_REAL", 4)
	settings := []string{"MAX_INSTANCES_PER_USER=3", "SANDBOX_POOL=2", "INSTANCE_TIMEOUT=86400", "START_TIMEOUT=600"}
	if live > 20 {
		settings = append(settings, "SUBNET_POOL=10.202.0.0/16")
	}
	s := start(t, "embedded", writeFixtures(t, "echo", "raw"), settings...)
	staying := s.stay(live, "echo")
	var done, kills, lost atomic.Int64
	var started, back times
	var players, killer sync.WaitGroup
	over, began := make(chan struct{}), time.Now()
	killer.Go(func() {
		for killed := began; ; killed = time.Now() {
			s.untilItServes(over)
			back.add(time.Since(killed))
			if before := done.Load(); kills.Load()%4 != 3 { // between two that get through, on however slow a machine
				s.untilMore(&done, before, over)
			}
			s.await(over, time.Duration(rand.IntN(500*max(1, cycles/60)))*time.Millisecond)
			select {
			case <-over:
				return
			default:
			}
			s.kill()
			kills.Add(1)
			s.launch()
		}
	})
	const count = 10
	for n := range count {
		players.Go(func() {
			me := fmt.Sprintf("127.0.2.%d", n+1)
			for cycle := range cycles / count {
				took, in, ok := startOf(s, me, []string{"echo", "raw"}[cycle%2])
				started.add(took)
				if !ok || !stopOf(s, me, in.ID) {
					lost.Add(1)
				}
				done.Add(1)
			}
		})
	}
	players.Wait()
	close(over)
	killer.Wait()
	s.eventually(
		"the sidecar is ready", 60*time.Second,
		func() error { _, err := s.try(alice, "GET", s.dashboard+"/health/ready", nil); return err },
	)
	for n := range count {
		me := fmt.Sprintf("127.0.2.%d", n+1)
		s.eventually(me+" has nothing", 60*time.Second, func() error {
			var list instances
			if err := s.tryCall(me, "GET", "/instances", "", &list); err != nil {
				return err
			}
			for _, in := range list.Instances {
				if in.State != "failed" {
					s.try(me, "DELETE", s.dashboard+"/instances/"+in.ID, nil)
					return fmt.Errorf("%s is %s", in.ID, in.State)
				}
			}
			return nil
		})
	}
	staying.stillThere("echo")
	t.Logf("%d cycles in %s, %d power cuts, %d cycles did not get through", done.Load(), time.Since(began).Round(time.Second),
		kills.Load(), lost.Load())
	t.Logf("from asked for to running, power cuts and all, %s; from killed to answering %s", &started, &back)
	staying.leave()
	if kills.Load() < 2 || lost.Load() > 0 {
		t.Errorf("%d power cuts, %d of %d cycles did not get through", kills.Load(), lost.Load(), done.Load())
	}
	s.terminate()
	s.env = append(s.env, "SANDBOX_POOL=0") // what nobody uses goes
	s.serve()
	db, err := store.Open(context.Background(), "", setting(s.env, "DATA_DIR"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s.eventually("the reconciler is through", 30*time.Second+time.Duration(live)*time.Second, func() error {
		held, err := db.HeldSubnets(context.Background())
		if len(held) > 0 {
			return fmt.Errorf("%v", held)
		}
		return err
	})
	audit(t, db)
}

// await lets some time pass, or less if all is over.
func (s *stack) await(over <-chan struct{}, d time.Duration) {
	select {
	case <-over:
	case <-time.After(d):
	}
}

// untilMore returns when a count has grown, or all is over.
func (s *stack) untilMore(count *atomic.Int64, before int64, over <-chan struct{}) {
	for count.Load() == before {
		select {
		case <-over:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// untilItServes returns when the sidecar answers, or all is over.
func (s *stack) untilItServes(over <-chan struct{}) {
	for {
		if resp, err := http.Get("http://" + s.public + "/health/live"); err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-over:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func setting(env []string, name string) string {
	value := ""
	for _, pair := range env {
		if n, v, _ := strings.Cut(pair, "="); n == name {
			value = v
		}
	}
	return value
}
