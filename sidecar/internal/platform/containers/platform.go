// Package containers is the platform on an engine of containers. It composes what knows one thing each: the engine, the
// pool of subnets, ports of the host, the firewall, and the sandboxes that are made before anybody asks.
//
// Promises:
//   - An instance's place is in its row before anything is made there, so that whatever a crash leaves is found by the row
//     or by its label.
//   - A subnet is somebody else's only after its network is gone and the firewall has forgotten what it was allowed.
//   - What an earlier life made of a start is used if it is complete, and removed if that is not certain.
package containers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// Needs are the adapters that a platform composes.
type Needs struct {
	Engine    Engine
	Subnets   Subnets
	Ports     Ports
	Firewall  Firewall  // nil: none
	Sandboxes Sandboxes // nil: none
	PortMap   PortMap   // nil: the engine publishes ports
	Traffic   Traffic   // nil: nothing is known of traffic
	Terminals Terminals // nil: there are no shells
	// Published gives every route a port of the host: routers cannot reach the containers' own addresses.
	Published bool
	// Guest has containers begin with the guest where that can be, which puts the flags in and becomes the challenge's
	// program.
	Guest bool
	Log   *slog.Logger
}

// Platform implements instancer.Platform: each instance has networks of its own, made for it or taken from the
// sandboxes that are ready.
type Platform struct {
	instancer.Images
	Disks
	engine    Engine
	subnets   Subnets
	ports     Ports
	firewall  Firewall
	sandboxes Sandboxes
	portMap   PortMap
	traffic   Traffic
	terminals Terminals
	published bool
	guest     bool
	log       *slog.Logger

	mu       sync.Mutex
	lose     map[string]context.CancelFunc // instance that is being started → what gives its sandbox up
	prepared map[string]map[string]string  // what waits and was prepared by this process → service → container
	led      map[string]bool               // instances whose ports were opened here
}

var _ instancer.Platform = (*Platform)(nil)

// New makes a platform of its parts.
func New(needs Needs) *Platform {
	if needs.Firewall == nil {
		needs.Firewall = noFirewall{}
	}
	if needs.Sandboxes == nil {
		needs.Sandboxes = noSandboxes{}
	}
	return &Platform{
		Images: needs.Engine, Disks: needs.Engine, engine: needs.Engine, subnets: needs.Subnets, ports: needs.Ports,
		firewall: needs.Firewall, sandboxes: needs.Sandboxes, portMap: needs.PortMap, traffic: needs.Traffic,
		terminals: needs.Terminals, published: needs.Published,
		guest: needs.Guest,
		log:   needs.Log, led: map[string]bool{}, lose: map[string]context.CancelFunc{}, prepared: map[string]map[string]string{},
	}
}

// List returns this deployment's objects of one instance or all; see Platform.
func (c *Platform) List(ctx context.Context, instance string) ([]instancer.Object, error) {
	return c.engine.List(ctx, instance)
}

// Exits reports containers that stopped running; see Platform.
func (c *Platform) Exits(ctx context.Context) <-chan instancer.Exit { return c.engine.Exits(ctx) }

// StartService starts a container.
func (c *Platform) StartService(ctx context.Context, id string) error {
	return c.engine.StartContainer(ctx, id)
}

// StopService ends a container, by force after a grace.
func (c *Platform) StopService(ctx context.Context, id string, grace time.Duration) error {
	return c.engine.StopContainer(ctx, id, grace)
}

// Wait blocks until a container has ended.
func (c *Platform) Wait(ctx context.Context, id string) (int, error) { return c.engine.Wait(ctx, id) }

// Logs are the last lines that a container printed.
func (c *Platform) Logs(ctx context.Context, id string, lines int) (string, error) {
	return c.engine.Logs(ctx, id, lines)
}
