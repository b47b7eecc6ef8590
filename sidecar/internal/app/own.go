package app

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	ownFor     = 30 * time.Second // how long what was looked up counts
	ownTime    = 2 * time.Second  // for looking it up
	mostOthers = 4                // instances that canaries try to reach
)

// own is what canaries try besides what they know by themselves: what is Whaley's, and some running instances.
type own struct {
	fixed  []string // host:port
	live   func(ctx context.Context, q whaley.InstanceQuery) ([]*whaley.Instance, string, error)
	lookup func(ctx context.Context, host string) ([]string, error)

	mu    sync.Mutex
	known []canary.Target
	until time.Time
}

// whose are the addresses of the API server, Redis, PostgreSQL and of this process, as settings say.
func (s *server) whose(api string) (all []string) {
	all = append(all, hostPort(api, "443"))
	if text := string(s.c.DatabaseURL); strings.HasPrefix(text, "postgres") {
		all = append(all, hostPort(text, "5432"))
	}
	if text := cmp.Or(string(s.c.TraefikRedisURL), string(s.c.RedisURL)); text != "" {
		all = append(all, hostPort(text, "6379"))
	}
	addresses, _ := net.InterfaceAddrs() // without them, all else is still tried
	for _, listener := range []net.Listener{s.listeners.public, s.listeners.internal} {
		if listener == nil {
			continue
		}
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
				all = append(all, net.JoinHostPort(n.IP.String(), port))
			}
		}
	}
	return all
}

// hostPort is that of a URL; empty: it has none, as one of a socket.
func hostPort(text, port string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}

// targets are looked up anew every half minute: names may lead elsewhere, instances come and go.
func (o *own) targets(ctx context.Context) []canary.Target {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().Before(o.until) {
		return o.known
	}
	ctx, cancel := context.WithTimeout(ctx, ownTime)
	defer cancel()
	o.known, o.until = nil, time.Now().Add(ownFor)
	for _, at := range o.fixed {
		host, port, err := net.SplitHostPort(at)
		if err != nil {
			continue
		}
		found, err := o.lookup(ctx, host)
		if err != nil {
			continue // an instance, which has no DNS, would not find it either
		}
		for _, ip := range found {
			o.known = append(o.known, canary.Target{Kind: canary.Own, Address: net.JoinHostPort(ip, port)})
		}
	}
	running := whaley.InstanceQuery{States: []whaley.State{whaley.Running}, Limit: mostOthers}
	others, _, err := o.live(ctx, running)
	if err != nil {
		return o.known // next time
	}
	for _, in := range others {
		for _, at := range in.Addresses {
			address := net.JoinHostPort(at.String(), strconv.Itoa(canary.Port))
			o.known = append(o.known, canary.Target{Kind: canary.Pod, Address: address})
		}
	}
	return o.known
}
