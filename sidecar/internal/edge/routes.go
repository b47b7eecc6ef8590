package edge

import (
	"context"
	"log/slog"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Routes implements instancer.Router in memory. Web routes need none: the plugin serves them all.
type Routes struct {
	log *slog.Logger

	mu    sync.RWMutex
	names map[string]whaley.Publication // TLS name → route

	changing sync.Mutex // one change at a time
}

var _ instancer.Router = (*Routes)(nil)

// NewRoutes makes an empty set.
func NewRoutes(log *slog.Logger) *Routes {
	return &Routes{log: log, names: map[string]whaley.Publication{}}
}

// ByName is the route that a TLS name leads to.
func (r *Routes) ByName(name string) (whaley.Publication, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.names[name]
	return p, ok
}

// Publish adds an instance's routes.
func (r *Routes) Publish(_ context.Context, _ string, routes []whaley.Publication) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(routes)
	return nil
}

func (r *Routes) add(routes []whaley.Publication) {
	for _, p := range routes {
		switch p.Type {
		case whaley.RouteTCP:
			r.names[p.Host] = p
		case whaley.RouteCustom:
			r.log.Warn(
				"the embedded edge has no entry points of its own; this route needs EDGE=traefik", "instance", p.Instance, "route",
				p.Name,
			)
		}
	}
}

// Retract removes an instance's routes.
func (r *Routes) Retract(_ context.Context, instance string, routes []whaley.Publication) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range routes {
		if r.names[p.Host].Instance == instance {
			delete(r.names, p.Host)
		}
	}
	return nil
}

// Sync holds what list returns and nothing else.
func (r *Routes) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	all, err := list(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = map[string]whaley.Publication{}
	r.add(all)
	return nil
}
