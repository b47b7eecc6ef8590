package api_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

func TestHealthTellsWhenAllPlayersAreOnePrivateAddress(t *testing.T) {
	const proxy = "10.0.0.5"
	type request struct{ from, forwardedFor, browser string }
	many := func(n int, from, forwardedFor string, browsers int) (all []request) {
		for k := range n {
			all = append(all, request{from, forwardedFor, fmt.Sprint("browser ", k%browsers)})
		}
		return all
	}
	for name, c := range map[string]struct {
		away     bool // from the server's own keyboard
		trusted  string
		requests [][]request
		trouble  string
	}{
		"browsers of several people behind a proxy": {requests: [][]request{many(40, proxy, "", 5)}, trouble: proxy},
		"a proxy that says for whom it asks": {
			requests: [][]request{many(40, proxy, "203.0.113.7", 1)}, trouble: proxy,
		},
		"a proxy whose word counts": {
			trusted: proxy, requests: [][]request{many(40, proxy, "203.0.113.7", 5)},
		},
		"a trusted proxy behind one that is not": {
			trusted: proxy, requests: [][]request{many(40, proxy, "203.0.113.7, 192.168.1.1", 1)}, trouble: "192.168.1.1",
		},
		"one organiser on their own network": {requests: [][]request{many(40, proxy, "", 2)}},
		"too few to tell":                    {requests: [][]request{many(12, proxy, "", 5)}},
		"players of a local network": {requests: [][]request{
			many(12, proxy, "", 5), many(30, "10.0.0.6", "", 5), many(30, proxy, "", 5),
		}},
		"a public address": {requests: [][]request{many(40, "203.0.113.7", "", 5)}},
		"this computer":    {requests: [][]request{many(40, "127.0.0.1", "", 5)}},
		"a proxy on a server": {
			away: true, requests: [][]request{many(40, "127.0.0.1", "", 5)}, trouble: "127.0.0.1",
		},
		"a proxy elsewhere, and the server itself": {
			away:     true,
			requests: [][]request{many(30, "127.0.0.1", "", 1), many(40, proxy, "", 5), many(30, "127.0.0.1", "", 1)},
			trouble:  proxy,
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &strings.Builder{}
			s := newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, o *api.Options) {
				n.Origins = kit.NewOrigins(!c.away, slog.New(slog.NewTextHandler(log, nil)))
				n.Checks = append(n.Checks, api.Check{Name: "proxies", Ping: n.Origins.Ping, Optional: true})
				if c.trusted != "" {
					o.Trusted = []netip.Prefix{netip.MustParsePrefix(c.trusted + "/32")}
				}
			})
			for _, some := range c.requests {
				for _, r := range some {
					if w := s.call(r.from, "GET", "/me", "", "User-Agent", r.browser, "X-Forwarded-For", r.forwardedFor); w.Code != 200 {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
				}
			}
			w := s.call("127.0.0.1", "GET", "/health/ready", "")
			if failed := strings.Contains(w.Body.String(), `"name":"proxies","status":"failed"`); w.Code != 200 ||
				failed != (c.trouble != "") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if c.trouble == "" && log.Len() > 0 ||
				c.trouble != "" && (strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), c.trouble)) {
				t.Errorf("the log says %q", log)
			}
		})
	}
}
