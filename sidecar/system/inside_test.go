package system

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestAnInstancesOwnAddressesWorkInsideIt has containers that visit their own public addresses, as a bot does, and
// finds what players find there.
func TestAnInstancesOwnAddressesWorkInsideIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edge   string
		secure bool
		pool   string
	}{
		"http":                 {"embedded", false, "SANDBOX_POOL=0"},
		"http, in a sandbox":   {"embedded", false, "SANDBOX_POOL=2"},
		"https":                {"traefik", true, "SANDBOX_POOL=0"},
		"https, in a sandbox":  {"traefik", true, "SANDBOX_POOL=2"},
		"http, behind Traefik": {"traefik", false, "SANDBOX_POOL=0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startStack(t, &stack{binary: static(t), secure: c.secure}, "127.0.0.1", c.edge, writeFixtures(t, "own"), c.pool)
			if c.pool != "SANDBOX_POOL=0" {
				s.eventually("two sandboxes are ready", time.Minute, func() error { return s.holders(4) })
			}
			ownAddresses(t, s)
		})
	}
}

func ownAddresses(t *testing.T, s *stack) {
	in := s.running(alice, "own")
	byName := map[string]route{}
	for _, r := range in.Routes {
		byName[r.Name] = r
	}
	web, bot := byName[""], byName["bot"]
	issuer := "certificate by nobody"
	if s.secure {
		issuer = "certificate by Whaley, inside " + base
	}
	visit := func(from route, query string) string {
		t.Helper()
		var said string
		s.eventually("the bot has visited", 30*time.Second, func() error { // the relay may start later than what it serves
			got := s.do(alice, http.MethodGet, from.URL+"/visit?"+query, nil)
			said = got.Body
			if got.Status != http.StatusOK || strings.HasPrefix(said, "cannot") || strings.Contains(said, ": 502") {
				return fmt.Errorf("%d %s", got.Status, said)
			}
			return nil
		})
		return said
	}
	scheme, host, _ := strings.Cut(web.URL, "://")
	for name, from := range map[string]route{"the bot": bot, "the service itself": web} {
		said := visit(from, "path=/headers")
		for _, want := range []string{
			"visited " + web.URL + "/headers: 200 OK, " + issuer, "Host: " + host, "X-Forwarded-Host: " + host,
			"X-Forwarded-Proto: " + scheme, "X-Forwarded-For: 10.",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("%s visits, and %q is not in\n%s", name, want, said)
			}
		}
		if strings.Contains(said, "198.51.100.7") {
			t.Errorf("what %s says of itself counts:\n%s", name, said)
		}
	}
	if said := visit(bot, "url="+url.QueryEscape(bot.URL)+"&path=/some/where"); !strings.Contains(
		said, "test server at /some/where",
	) {
		t.Errorf("another of its addresses: %s", said)
	}
	other := s.address(bob, "own") // has the same shape, and is nobody's business
	if said := s.do(alice, http.MethodGet, bot.URL+"/visit?url="+url.QueryEscape(other), nil).Body; !strings.HasPrefix(
		said, "cannot visit",
	) {
		t.Errorf("another owner's address: %s", said)
	}
	to := func(r route) string { return url.QueryEscape(r.Host + ":" + portOnly(t, s.tls)) }
	if said := s.do(alice, http.MethodGet, bot.URL+"/shout?text=whale&to="+to(byName["ended"]), nil).Body; said != "whale" {
		t.Errorf("TLS by name: %q", said)
	}
	if said := s.do(alice, http.MethodGet, bot.URL+"/shout?text=whale&to="+to(byName["through"]), nil).Body; !strings.Contains(
		said, "certificate",
	) {
		t.Errorf("what the service itself ends is not the relay's: %q", said)
	}
}
