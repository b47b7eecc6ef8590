package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	kvDomain     = "routers.localhost"   // of routes that are in Redis
	pluginDomain = "instances.localhost" // of those that the plugin serves
	pluginKey    = "bench"
	manyRoutes   = 10000 // more than are standing
)

// publisher makes the nth web route, and says under which host; taking it back need not be waited for.
type publisher struct {
	name    string
	front   *bareTraefik
	made    int
	many    func(ctx context.Context, from, to int) error
	publish func(ctx context.Context, n int) (host string, retract func() error, err error)
}

// routes is how long it takes until a route that was just published is live in a real Traefik that serves many already,
// and what a request costs there. With ROUTE_MODE=kv it is written into Redis, which Traefik reads; with
// ROUTE_MODE=plugin it is the instance's row and nothing else, for which the plugin asks the internal API: real rules
// and rows here, on an engine in memory.
func routes(ctx context.Context, dir string, rounds int, r *results) error {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "here") }))
	defer backend.Close()
	kv, err := startBareTraefik(ctx, filepath.Join(dir, "routes-kv"), "http://127.0.0.1:1")
	if err != nil {
		return err
	}
	defer kv.end() //nolint:errcheck // nothing is left behind
	c, err := newCrowd(ctx, filepath.Join(dir, "routes"), 0)
	if err != nil {
		return err
	}
	defer c.end() //nolint:errcheck // nothing is left behind
	c.backend = netip.MustParseAddrPort(backend.Listener.Addr().String())
	internal := httptest.NewServer(c.internal)
	defer internal.Close()
	plugin, err := startBareTraefik(ctx, filepath.Join(dir, "routes-plugin"), internal.URL)
	if err != nil {
		return err
	}
	defer plugin.end() //nolint:errcheck // nothing is left behind
	publishers := []*publisher{kv.publisher(backend.Listener.Addr().String()), c.publisher(plugin)}
	for n, standing := 0, 0; n < len(routeCounts); n++ {
		if err := r.routesAt(ctx, standing, routeCounts[n], max(5, rounds/2), publishers); err != nil {
			return err
		}
		standing = routeCounts[n]
	}
	return nil
}

var routeCounts = []int{0, 10, 300, 1000, 3000}

// routesAt brings the number of standing routes up, and measures there.
func (r *results) routesAt(ctx context.Context, standing, count, rounds int, publishers []*publisher) error {
	asked := map[string][]time.Duration{}
	var contenders []contender
	for _, p := range publishers {
		if err := p.many(ctx, standing, count); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		contenders = append(contenders, contender{p.name, func(ctx context.Context) (time.Duration, error) {
			p.made++
			began := time.Now()
			host, retract, err := p.publish(ctx, manyRoutes+p.made)
			if err == nil {
				_, err = p.front.live(ctx, host)
			}
			took := time.Since(began)
			for n := 0; n < 100 && err == nil; n++ {
				var one time.Duration
				one, err = p.front.live(ctx, host)
				asked[p.name] = append(asked[p.name], one)
			}
			if err != nil {
				return 0, err
			}
			return took, retract()
		}})
	}
	progress("%d routes", count)
	live, err := turns(ctx, rounds, contenders)
	if err != nil {
		return err
	}
	kv, plugin := publishers[0].name, publishers[1].name
	r.ratio(
		fmt.Sprintf("routes_%d_plugin_live_over_kv_p50", count),
		float64(percentile(live[plugin], 50))/float64(percentile(live[kv], 50)),
	)
	r.ratio(
		fmt.Sprintf("routes_%d_plugin_request_over_kv_p50", count),
		float64(percentile(asked[plugin], 50))/float64(percentile(asked[kv], 50)),
	)
	for _, name := range []string{kv, plugin} {
		r.milliseconds(fmt.Sprintf("routes_%d_%s_live_p50_ms", count, name), percentile(live[name], 50))
		r.milliseconds(fmt.Sprintf("routes_%d_%s_live_p95_ms", count, name), percentile(live[name], 95))
		r.milliseconds(fmt.Sprintf("routes_%d_%s_request_p50_ms", count, name), percentile(asked[name], 50))
	}
	return nil
}

// publisher writes routes into Redis.
func (f *bareTraefik) publisher(backend string) *publisher {
	route := func(name string) whaley.Publication {
		return whaley.Publication{
			Instance: name, Name: name, Host: name + "." + kvDomain, Type: whaley.RouteHTTP, Access: whaley.AccessLink,
			Backend: backend,
		}
	}
	return &publisher{"kv", f, 0, func(ctx context.Context, from, to int) error {
		var more []whaley.Publication
		for n := from; n < to; n++ {
			more = append(more, route(fmt.Sprint("standing-", n)))
		}
		for part := range slices.Chunk(more, 500) {
			if err := f.router.Publish(ctx, "", part); err != nil {
				return err
			}
		}
		if len(more) == 0 {
			return nil
		}
		_, err := f.live(ctx, more[len(more)-1].Host)
		return err
	}, func(ctx context.Context, n int) (string, func() error, error) {
		p := route(fmt.Sprint("new-", n))
		return p.Host, func() error { return f.router.Retract(ctx, p.Instance, []whaley.Publication{p}) },
			f.router.Publish(ctx, p.Instance, []whaley.Publication{p})
	}}
}

// publisher writes rows, which the plugin of a Traefik asks for.
func (c *crowd) publisher(front *bareTraefik) *publisher {
	insert := func(ctx context.Context, n int) error { return c.insert(ctx, n, time.Now().UTC().Add(time.Hour)) }
	return &publisher{"plugin", front, 0, func(ctx context.Context, from, to int) error {
		for n := from; n < to; n++ {
			if err := insert(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context, n int) (string, func() error, error) {
		return c.host(n), func() error { return nil }, insert(ctx, n)
	}}
}
