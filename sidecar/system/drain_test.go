package system

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhileDrainingAnAddressSaysWhy holds starting back while a player opens addresses: the page of an instance says what
// the organisers wrote, what runs goes on, and afterwards the same address starts it.
func TestWhileDrainingAnAddressSaysWhy(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			const key, message = "an admin's key that nobody guesses 3c8", `Back at 14:00 <b>"sharp"</b> & no earlier.`
			s := start(t, edge, writeFixtures(t, "echo"), "ADMIN_KEY="+key)
			set := func(settings map[string]any) {
				t.Helper()
				body, err := json.Marshal(map[string]any{"settings": settings})
				if err != nil {
					t.Fatal(err)
				}
				if got := s.do(
					alice, "PUT", s.dashboard+"/admin/api/settings", strings.NewReader(string(body)), "X-Admin-Key", key,
					"Content-Type", "application/json",
				); got.Status != http.StatusOK {
					t.Fatalf("%d %s", got.Status, got.Body)
				}
			}
			notice := func() string {
				t.Helper()
				var public struct{ Notice string }
				s.call(bob, "GET", "/config", "", &public)
				return public.Notice
			}
			runs, asleep := s.address(alice, "echo"), s.address(bob, "echo")
			if got := s.do(alice, "GET", runs+"/", nil); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if got := notice(); got != "" {
				t.Errorf("before: %q", got)
			}
			set(map[string]any{"DRAIN": true, "DRAIN_MESSAGE": message})
			if got := notice(); got != message {
				t.Errorf("the dashboard is told %q", got)
			}
			began := time.Now()
			page := s.do(bob, "GET", asleep+"/", nil, "Accept", "text/html,*/*", "Sec-Fetch-Mode", "navigate")
			if page.Status != http.StatusServiceUnavailable || !strings.Contains(page.Body, html.EscapeString(message)) ||
				strings.Contains(page.Body, "<b>") || page.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("its page: %d %v\n%s", page.Status, page.Header, page.Body)
			}
			script := s.do(bob, "POST", asleep+"/", strings.NewReader("x"))
			if p := script.problem(t); script.Status != http.StatusServiceUnavailable || p.Code != "draining" ||
				p.Detail != message || script.Header.Get("Retry-After") == "" {
				t.Errorf("a script: %d %v %s", script.Status, script.Header, script.Body)
			}
			if took := time.Since(began); took > 30*time.Second { // one that is held takes 45
				t.Errorf("it took %s to say no twice", took)
			}
			if in := s.live(bob, "echo"); in != nil {
				t.Errorf("it was started all the same: %+v", in)
			}
			if got := s.do(alice, "GET", runs+"/", nil); got.Status != http.StatusOK {
				t.Errorf("what runs: %d %s", got.Status, got.Body)
			}
			set(map[string]any{"DRAIN": nil, "DRAIN_MESSAGE": nil})
			if got := s.do(bob, "GET", asleep+"/", nil); got.Status != http.StatusOK {
				t.Errorf("afterwards: %d %s", got.Status, got.Body)
			}
		})
	}
}
