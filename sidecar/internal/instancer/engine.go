package instancer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// onEngine is the Platform on an engine of containers: each instance has networks of its own there, made for it or taken from
// the sandboxes that are ready.
type onEngine struct {
	engine    Engine
	subnets   Subnets
	ports     Ports
	firewall  Firewall
	sandboxes Sandboxes
	published bool // every route gets a host port: routers cannot reach the containers' own addresses
	log       *slog.Logger

	mu   sync.Mutex
	lose map[string]context.CancelFunc // instance that is being started → what gives its sandbox up
}

var (
	_ Platform = (*onEngine)(nil)
	_ Services = (*onEngine)(nil)
)

func newOnEngine(needs Needs, published bool) *onEngine {
	return &onEngine{engine: needs.Engine, subnets: needs.Subnets, ports: needs.Ports, firewall: needs.Firewall, sandboxes: needs.Sandboxes,
		published: published, log: needs.Log, lose: map[string]context.CancelFunc{}}
}

// List returns this deployment's objects of one instance or all; see Platform.
func (e *onEngine) List(ctx context.Context, instance string) ([]Object, error) {
	return e.engine.List(ctx, instance)
}

// Exits reports containers that stopped running; see Platform.
func (e *onEngine) Exits(ctx context.Context) <-chan Exit { return e.engine.Exits(ctx) }

// StartService starts a container.
func (e *onEngine) StartService(ctx context.Context, id string) error {
	return e.engine.StartContainer(ctx, id)
}

// StopService ends a container, by force after a grace.
func (e *onEngine) StopService(ctx context.Context, id string, grace time.Duration) error {
	return e.engine.StopContainer(ctx, id, grace)
}

// Wait blocks until a container has ended.
func (e *onEngine) Wait(ctx context.Context, id string) (int, error) { return e.engine.Wait(ctx, id) }

// Logs are the last lines that a container printed.
func (e *onEngine) Logs(ctx context.Context, id string, lines int) (string, error) {
	return e.engine.Logs(ctx, id, lines)
}
