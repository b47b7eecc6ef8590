package system

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// pair is two sidecars behind one Traefik, on one PostgreSQL, one engine and one DATA_DIR.
type pair struct {
	one, two  *stack
	db        *store.Store
	restartDB func()
	echo      string // the address of an instance of alice
}

func startPair(t *testing.T) *pair {
	t.Helper()
	url, restart := testkit.RestartablePostgres(t)
	shared := []string{
		"DATABASE_URL=" + url, "SECRET=what both of the sidecars derive from, 40 b", "SUBNET_POOL=10.192.16.0/22",
	}
	internal, public := testkit.FreeAddress(t), testkit.FreeAddress(t)
	one := startStack(
		t, &stack{peers: []string{internal}, standbys: []string{"http://" + public}}, "127.0.0.1", "traefik",
		writeFixtures(t, "slow", "echo"), shared...,
	)
	two := *one
	two.log, two.internal, two.public = &testkit.Log{}, internal, public
	two.env = append(
		slices.Clone(one.env), "LISTEN="+public, "INTERNAL_LISTEN="+internal, "WAKE_LISTEN="+testkit.FreeAddress(t),
	)
	two.launch()
	t.Cleanup(func() {
		if two.terminate(); t.Failed() {
			t.Logf("the other sidecar's log:\n%s", two.log.Tail(200))
		}
	})
	db, err := store.Open(context.Background(), url, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &pair{one: one, two: &two, db: db, restartDB: restart}
}

// role is what a sidecar says of itself: ok, degraded, standby, or nothing.
func (s *stack) role() string {
	resp, err := http.Get("http://" + s.public + "/health/ready")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var said struct{ Status string }
	_ = json.NewDecoder(resp.Body).Decode(&said)
	return said.Status
}

// roles waits until one of both is active, the other waits, and Traefik knows which.
func (p *pair) roles() (active, standby *stack) {
	p.one.t.Helper()
	p.one.eventually("one is active and the other waits", 60*time.Second, func() error {
		one, two := p.one.role(), p.two.role()
		active, standby = p.one, p.two
		if two != "standby" {
			active, standby, one, two = p.two, p.one, two, one
		}
		if one != "ok" && one != "degraded" || two != "standby" {
			return fmt.Errorf("one is %q, the other %q", p.one.role(), p.two.role())
		}
		return p.one.tryCall(alice, "GET", "/instances", "", nil)
	})
	return active, standby
}

// untilActive is how long it takes until a standby serves.
func (p *pair) untilActive(s *stack, since time.Time) time.Duration {
	p.one.t.Helper()
	for s.role() != "ok" && s.role() != "degraded" {
		if time.Since(since) > 30*time.Second {
			p.one.t.Fatalf("it does not take over\n%s", s.log.Tail(60))
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(since).Round(time.Millisecond)
}

// TestTheStandbyTakesOver has one sidecar after the other end while a hundred requests wait for instances that take six
// seconds to get ready.
func TestTheStandbyTakesOver(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	t.Run("one of two that start at once is active", func(*testing.T) {
		for _, s := range []*stack{p.one, p.two} {
			s.kill()
		}
		for _, s := range []*stack{p.one, p.two} {
			s.launch()
		}
		p.roles()
		p.one.eventually("the address is known, which stays", time.Minute, func() error {
			var list struct {
				Challenges []struct {
					ID     string
					Routes []struct{ URL string }
				}
			}
			err := p.one.tryCall(alice, "GET", "/challenges", "", &list)
			for _, c := range list.Challenges {
				if c.ID == "echo" {
					p.echo = strings.TrimSuffix(c.Routes[0].URL, "/")
				}
			}
			return err
		})
	})
	t.Run("requests that wait outlive kills and stops", func(t *testing.T) { p.held(t) })
	t.Run("one that was stopped for a while writes nothing", func(t *testing.T) { p.paused(t) })
	t.Run("after a restart of the database one is active", func(t *testing.T) {
		p.restartDB()
		p.roles()
		p.echoes(t)
	})
}

// held ends the active one by kill -9, several times, and then as an organiser would.
func (p *pair) held(t *testing.T) {
	body := strings.Repeat("all of it", 10_000)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	var all sync.WaitGroup
	answered := make(chan bool, 102)
	began := time.Now()
	var early atomic.Int64 // requests that were answered before their instance ran
	for _, player := range owners {
		address := p.one.address(player, "slow")
		for range cap(answered) / len(owners) {
			all.Go(func() {
				got, err := p.one.try(player, "POST", address+"/echo", strings.NewReader(body))
				for err == nil && got.Status == http.StatusServiceUnavailable && got.Header.Get("Retry-After") != "" {
					early.Add(1) // right where it all takes longer than a request is held; whether it did is looked at below
					time.Sleep(time.Second)
					got, err = p.one.try(player, "POST", address+"/echo", strings.NewReader(body))
				}
				good := err == nil && got.Status == http.StatusOK && strings.Contains(got.Body, sum)
				if answered <- good; !good {
					t.Errorf("%s: %d %.200s %v", player, got.Status, got.Body, err)
				}
			})
		}
	}
	p.one.eventually("all three are being started", 40*time.Second, func() error {
		live, err := p.db.Live(t.Context(), "")
		if len(live) != len(owners) {
			return fmt.Errorf("%d are: %v", len(live), err)
		}
		return nil
	})
	var kills []time.Duration
	for range scale(t, "SOAK_KILLS", 5) {
		active, standby := p.roles()
		since := time.Now()
		active.kill()
		kills = append(kills, p.untilActive(standby, since))
		active.launch()
	}
	active, standby := p.roles()
	since := time.Now()
	active.process.Process.Signal(syscall.SIGTERM)
	stop := p.untilActive(standby, since)
	if err := active.process.Wait(); err != nil {
		t.Errorf("ending: %v", err)
	}
	active.launch()
	all.Wait()
	took := time.Since(began)
	p.roles()
	slices.Sort(kills)
	longest := max(kills[len(kills)-1], stop)
	if n := early.Load(); n > 0 && longest < 5*time.Second && took < 40*time.Second {
		t.Errorf(
			"%d answers came before their instances ran, though the longest takeover took %s and all of it %s", n, longest, took,
		)
	}
	t.Logf(
		"%d requests waited; takeover after kill -9 p50 %s, p95 %s; after a stop %s", len(answered), kills[len(kills)/2],
		kills[len(kills)*95/100], stop,
	)
	live, err := p.db.Live(t.Context(), "")
	if err != nil || len(live) != len(owners) {
		t.Fatalf("%d live instead of %d: %v", len(live), len(owners), err)
	}
	for _, in := range live {
		if has := containers(t, in.ID); in.State != whaley.Running || len(has) != 1 {
			t.Errorf("%s is %s and has the containers %v", in.ID, in.State, has)
		}
	}
}

// paused stops the process of the active one, lets the other take over, and lets the first go on.
func (p *pair) paused(t *testing.T) {
	active, standby := p.roles()
	starts := strings.Count(p.rows(t), "system_start")
	active.process.Process.Signal(syscall.SIGSTOP)
	defer active.process.Process.Signal(syscall.SIGCONT) // else it never ends
	t.Logf("takeover after SIGSTOP %s", p.untilActive(standby, time.Now()))
	before := ""
	testkit.Eventually(t, 10*time.Second, "the event that the other is active is written", func() error {
		if before = p.rows(t); strings.Count(before, "system_start") == starts {
			return errors.New("it is not")
		}
		return nil
	})
	active.process.Process.Signal(syscall.SIGCONT)
	p.roles()
	if text := active.log.Tail(400); !strings.Contains(text, "another sidecar became active; this one is standby now") {
		t.Errorf("it does not say that it lost its place:\n%s", text)
	}
	if after := p.rows(t); after != before {
		t.Errorf("it wrote\n%s\ninstead of\n%s", after, before)
	}
	p.echoes(t)
}

// rows is every instance and every event, as a text.
func (p *pair) rows(t *testing.T) string {
	t.Helper()
	live, err := p.db.Live(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, in := range live {
		fmt.Fprintln(&text, in.ID, in.State, in.Version)
	}
	events, err := p.db.EventsAfter(t.Context(), "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		fmt.Fprintln(&text, ev.ID, ev.Type, ev.Instance)
	}
	return text.String()
}

// echoes wants a player to be served, through Traefik, by whichever sidecar is active.
func (p *pair) echoes(t *testing.T) {
	t.Helper()
	if got := p.one.do(alice, "GET", p.echo+"/", nil); got.Status != http.StatusOK {
		t.Errorf("%d %.200s", got.Status, got.Body)
	}
}
