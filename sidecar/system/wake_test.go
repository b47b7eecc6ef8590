package system

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The promises of waking, in front of both edges: the same plugin, compiled into the sidecar or interpreted by Traefik.
func TestOpeningAnAddressWakesIt(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, writeFixtures(t), "ADMIN_KEY="+seenKey)
			t.Run("TheFirstRequestIsAnsweredByTheChallenge", func(t *testing.T) { firstRequest(t, s) })
			t.Run("APostAsTheFirstRequestArrivesWhole", func(t *testing.T) { firstPost(t, s) })
			t.Run("FiftyFirstRequestsMakeOneInstance", func(t *testing.T) { fiftyAtOnce(t, s) })
			t.Run("TwoServicesStartInOrder", func(t *testing.T) { twoServices(t, s) })
			t.Run("StrangersLearnNothing", func(t *testing.T) { strangers(t, s) })
			t.Run("TicketsOpenWhatTheyNameAndNothingElse", func(t *testing.T) { tickets(t, s) })
			t.Run("ContainersNeverSeeOurCredentials", func(t *testing.T) { credentials(t, s) })
			t.Run("SlowStartsAreShown", func(t *testing.T) { slowStart(t, s) })
			t.Run("FailuresSayWhatToDo", func(t *testing.T) { failures(t, s) })
			t.Run("OddRequestsAreRefused", func(t *testing.T) { oddRequests(t, s) })
			t.Run("StreamsWorkInBothStages", func(t *testing.T) { streams(t, s) })
			t.Run("RawPortsAndSNIReachTheService", func(t *testing.T) { rawRoutes(t, s) })
			t.Run("TimeEndsAndCanBeExtended", func(t *testing.T) { timeEnds(t, s) })
		})
	}
}

func firstRequest(t *testing.T, s *stack) {
	s.t = t
	got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, "test server") {
		t.Errorf("first request: %d %q", got.Status, got.Body)
	}
	if in := s.live(alice, "echo"); in == nil || in.State != "running" {
		t.Errorf("after it the instance is %+v", in)
	}
	for _, looked := range []string{"database", "engine", "firewall", "disk", "pool", "proxies", "engine_disk"} {
		if said := s.health(looked); said == "" {
			t.Errorf("health says nothing of %s", looked)
		}
	}
}

func firstPost(t *testing.T, s *stack) {
	s.t = t
	body := bytes.Repeat([]byte("whale"), 1<<20/5)
	sum := sha256.Sum256(body)
	got := s.do(bob, "POST", s.address(bob, "echo")+"/echo", bytes.NewReader(body))
	if got.Status != http.StatusOK || !strings.Contains(got.Body, hex.EncodeToString(sum[:])) {
		t.Errorf("a body of %d bytes: %d %q", len(body), got.Status, got.Body)
	}
}

func fiftyAtOnce(t *testing.T, s *stack) {
	s.t = t
	address := s.address(mallory, "echo")
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for n := range answers {
		all.Go(func() {
			body := fmt.Sprintf("request %d ", n) + strings.Repeat("x", 10_000)
			got, err := s.try(mallory, "POST", address+"/echo", strings.NewReader(body))
			if err != nil {
				got.Body = err.Error()
			}
			sum := sha256.Sum256([]byte(body))
			if !strings.Contains(got.Body, hex.EncodeToString(sum[:])) {
				got.Status = -got.Status
			}
			answers[n] = got
		})
	}
	all.Wait()
	for n, got := range answers {
		if got.Status != http.StatusOK {
			t.Errorf("request %d: %d %q (negative: its body did not arrive)", n, got.Status, got.Body)
		}
	}
	s.eventually("three owners have had one spawn each", 30*time.Second, func() error { // the log is told after the player
		if spawns := strings.Count(s.log.String(), "instance running"); spawns != 3 {
			return fmt.Errorf("%d spawns", spawns)
		}
		return nil
	})
	if in := s.live(mallory, "echo"); in == nil || len(containers(t, in.ID)) != 1 {
		t.Errorf("not exactly one container for %+v", in)
	}
}

func twoServices(t *testing.T, s *stack) {
	s.t = t
	got := s.do(alice, "GET", s.address(alice, "pair")+"/", nil)
	if got.Status != http.StatusOK {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	if in := s.live(alice, "pair"); in == nil || len(containers(t, in.ID)) != 2 {
		t.Errorf("not two containers for %+v", in)
	}
}

func slowStart(t *testing.T, s *stack) {
	s.t = t
	address := s.address(alice, "slow")
	began := time.Now()
	page := s.do(alice, "GET", address+"/", nil, "Accept", "text/html,*/*", "Sec-Fetch-Mode", "navigate")
	if took := time.Since(began); took > 20*time.Second { // the status below tells whether it waited for the start, which takes 6
		t.Errorf("a navigation was held for %s, want at most 4 s", took)
	}
	if page.Status != http.StatusServiceUnavailable || !strings.Contains(page.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a navigation got %d %s", page.Status, page.Header.Get("Content-Type"))
	}
	if cache := page.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
		t.Errorf("the waiting page may be cached: %q", cache)
	}
	if strings.Contains(page.Body, "src=\"http") || strings.Contains(page.Body, "href=\"http") {
		t.Error("the waiting page asks for something from outside")
	}
	s.eventually("the status says that it starts, once its images are there", time.Minute, func() error {
		status, err := s.try(alice, "GET", address+"/.well-known/whaley/status", nil)
		if err != nil || status.Status != http.StatusOK || !strings.Contains(status.Body, `"starting"`) {
			return fmt.Errorf("%d %s %v", status.Status, status.Body, err)
		}
		return nil
	})
	// Server-sent events end by themselves with the state it waits for.
	events := s.do(alice, "GET", address+"/.well-known/whaley/status", nil, "Accept", "text/event-stream")
	if !strings.Contains(events.Body, `"running"`) {
		t.Errorf("events: %d %q", events.Status, events.Body)
	}
	if got := s.do(alice, "GET", address+"/", nil, "Accept", "text/html"); got.Status != http.StatusOK {
		t.Errorf("after the events said running: %d", got.Status)
	}
	// What is no navigation is held until it can be answered.
	if got := s.do(bob, "GET", s.address(bob, "slow")+"/", nil); got.Status != http.StatusOK {
		t.Errorf("a held request got %d %q", got.Status, got.Body)
	}
}

func failures(t *testing.T, s *stack) {
	s.t = t
	allow := func(seconds string) {
		t.Helper()
		if got := s.asAdmin("PUT", "/admin/api/settings", `{"settings":{"START_TIMEOUT":`+seconds+`}}`); got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	for _, c := range []struct{ challenge, code string }{
		{"exits", "service_exited"}, {"manual", "wake_disabled"}, {"never", "start_timeout"},
	} {
		challenge, code := c.challenge, c.code
		if code == "start_timeout" {
			allow("9") // of this one alone: how long others take depends on the machine
		}
		got := s.do(alice, "GET", s.address(alice, challenge)+"/", nil)
		if got.Status < 400 || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s", challenge, got.Status, got.Header.Get("Content-Type"))
			continue
		}
		p := got.problem(t)
		if p.Code != code || p.Detail == "" {
			t.Errorf("%s: %+v, want %s", challenge, p, code)
		}
		if code == "wake_disabled" {
			continue
		}
		if in := s.live(alice, challenge); in == nil || in.State != "failed" || in.Problem == nil {
			t.Errorf("the API says of a failed spawn: %+v", in)
		} else if left := containers(t, in.ID); len(left) != 0 {
			t.Errorf("a failed spawn left %v", left)
		}
		again := s.do(alice, "GET", s.address(alice, challenge)+"/", nil)
		if p := again.problem(t); p.Code != code || again.Header.Get("Retry-After") == "" {
			t.Errorf("%s is not remembered: %d %+v, Retry-After %q", challenge, again.Status, p, again.Header.Get("Retry-After"))
		}
		page := s.do(alice, "GET", s.address(alice, challenge)+"/", nil, "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
		if page.Status < 400 || !strings.Contains(page.Body, "<html") {
			t.Errorf("%s to a browser: %d %q", challenge, page.Status, page.Body)
		}
	}
	allow("null")
	if in := s.running(alice, "manual"); in.State != "running" {
		t.Errorf("manual started from the dashboard is %s", in.State)
	}
}

func oddRequests(t *testing.T, s *stack) {
	s.t = t
	address := s.address(alice, "echo")
	got := s.do(alice, "GET", address+"/", nil, "X-Long", strings.Repeat("x", 100_000))
	if got.Status != http.StatusOK && got.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 100 kB: %d", got.Status)
	}
	if got.Status == http.StatusOK && s.edge == "embedded" {
		t.Error("the embedded edge let a header of 100 kB through")
	}
	if got := s.do(alice, "GET", address+"/.well-known/whaley/else", nil); got.Status != http.StatusNotFound {
		t.Errorf("an unknown reserved path: %d", got.Status)
	}
	got, err := s.try(
		alice, "GET", address+"/", io.NopCloser(strings.NewReader("")), "Cookie", strings.Repeat("whaley=x; ", 1000),
	)
	if err != nil || got.Status != http.StatusOK {
		t.Errorf("a thousand cookies of our name: %d %v", got.Status, err)
	}
}

func timeEnds(t *testing.T, s *stack) {
	s.t = t
	in := s.running(alice, "brief")
	if err := s.tryCall(alice, "POST", "/instances/"+in.ID+"/extend", "", nil); err == nil ||
		!strings.Contains(err.Error(), "extension_too_early") {
		t.Errorf("extended at once: %v", err)
	}
	var extended instance
	s.eventually("it can be extended after half of its time", 9*time.Second, func() error {
		return s.tryCall(alice, "POST", "/instances/"+in.ID+"/extend", "", &extended)
	})
	if got := extended.ExpiresAt.Sub(in.ExpiresAt); got != 5*time.Second {
		t.Errorf("extended by %s, want 5s", got)
	}
	s.eventually("it expires", 40*time.Second, func() error {
		if now := s.live(alice, "brief"); now != nil {
			return fmt.Errorf("%s until %s", now.State, now.ExpiresAt)
		}
		return nil
	})
	if late := time.Since(extended.ExpiresAt); late < 0 || late > time.Minute {
		t.Errorf("gone %s after its end", late)
	}
	if left := containers(t, in.ID); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
}
