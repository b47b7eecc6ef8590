package subnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	routeMetric   = 4242 // so that the network itself, and any other route to it, goes before ours
	routeProtocol = 87   // "W": tells our routes from others

	// remembered is how long after its end somebody may still ask for an instance at its address.
	remembered = 2 * time.Minute
	tidyEvery  = 10 * time.Second
)

// Guard makes the addresses of a network unreachable when it is not there: while it is reserved, and for a while
// afterwards. Without it a request for an instance that has just gone would leave by the default route, and wait, or
// meet a stranger. The network itself is nearer and goes before. Nothing but what instances have, or had moments ago,
// is ever covered, so that a sidecar that is killed cuts nothing off. It needs the right to change routes
// (CAP_NET_ADMIN); without that it only says so.
type Guard struct {
	store Store
	scope Scope
	log   *slog.Logger

	mu    sync.Mutex
	let   map[netip.Prefix]time.Time // what is covered: zero while it is held, else when it was given back
	mayNo error                      // why routes cannot be set
	ended bool
}

// Scope is what a guard goes by; a Chooser knows it.
type Scope interface {
	Used() []netip.Prefix             // pools in which a route that nobody holds was left by a sidecar that was killed
	Needed(network netip.Prefix) bool // whether this host needs something of a network, so that it may not be covered
}

// NewGuard makes one that covers what is held from now on.
func NewGuard(store Store, scope Scope, log *slog.Logger) *Guard {
	return &Guard{store: store, scope: scope, log: log, let: map[netip.Prefix]time.Time{}}
}

// Hold covers a network; a nil guard covers nothing.
func (g *Guard) Hold(network netip.Prefix) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold(network)
}

func (g *Guard) hold(network netip.Prefix) {
	_, covered := g.let[network]
	if g.ended {
		return
	}
	g.let[network] = time.Time{}
	if !covered {
		g.put(network)
	}
}

// Let covers a network that was given back for a while longer.
func (g *Guard) Let(network netip.Prefix) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if at, covered := g.let[network]; covered && at.IsZero() {
		g.let[network] = time.Now()
	}
}

func guardOf(network netip.Prefix) *netlink.Route {
	return &netlink.Route{
		Dst:      &net.IPNet{IP: network.Masked().Addr().AsSlice(), Mask: net.CIDRMask(network.Bits(), 32)},
		Type:     unix.RTN_UNREACHABLE,
		Priority: routeMetric,
		Protocol: routeProtocol,
	}
}

// put sets a route, and says once if that may not be. What this host needs is not covered: where it has come to need an
// address of an instance, that of the instance is nearer, and nothing is in the way once that has gone.
func (g *Guard) put(network netip.Prefix) {
	if g.scope.Needed(network) {
		return
	}
	err := netlink.RouteReplace(guardOf(network))
	if err != nil && g.mayNo == nil {
		g.log.Warn(
			"addresses of instances that have gone stay routable: a request right after an instance has stopped may hang for some seconds",
			"network", network, "err", err,
		)
	}
	g.mayNo = err
}

// Run keeps the routes until ctx ends, and then takes them away.
func (g *Guard) Run(ctx context.Context) error {
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	if err := g.sweep(ctx); err != nil {
		g.log.Warn("routes that an earlier sidecar left were not looked for", "err", err)
	}
	changes := g.subscribe(ctx)
	for {
		select {
		case <-ctx.Done():
			return g.end()
		case change, open := <-changes:
			if !open { // the kernel has dropped the subscription, because it told more than was read
				changes = g.subscribe(ctx)
				continue
			}
			g.putBack(change)
		case <-tidy.C:
			if err := g.tidy(ctx); err != nil && ctx.Err() == nil {
				g.log.Debug("guarded networks not compared with the database", "err", err)
			}
		}
	}
}

func (g *Guard) subscribe(ctx context.Context) <-chan netlink.RouteUpdate {
	changes := make(chan netlink.RouteUpdate, 64)
	if err := netlink.RouteSubscribe(changes, ctx.Done()); err != nil {
		g.log.Warn("the kernel does not tell of changed routes", "err", err)
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for network := range g.let { // it may have gone before the subscription
		g.put(network)
	}
	return changes
}

// putBack restores a route that somebody else has removed: a second sidecar of this machine does so when it ends.
func (g *Guard) putBack(change netlink.RouteUpdate) {
	network, known := destination(change.Route)
	if change.Type != unix.RTM_DELROUTE || change.Protocol != routeProtocol || !known {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, covered := g.let[network]; covered {
		g.put(network)
	}
}

// sweep covers what the database says is held, and removes what a sidecar that was killed has left in our pools.
func (g *Guard) sweep(ctx context.Context) error {
	held, err := g.store.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	routes, err := hostRoutes()
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for network := range held {
		g.hold(network)
	}
	for _, r := range routes {
		network, known := destination(r)
		if _, held := g.let[network]; held && !g.scope.Needed(network) || !known || r.Protocol != routeProtocol ||
			r.Type != unix.RTN_UNREACHABLE {
			continue
		}
		// Earlier versions covered a whole pool. Another Whaley that runs puts back what is its own.
		if network.Bits() < Bits ||
			slices.ContainsFunc(g.scope.Used(), func(p netip.Prefix) bool { return p.Overlaps(network) }) {
			err = errors.Join(err, g.remove(network))
		}
	}
	return err
}

// tidy covers what another sidecar has reserved, and lets go what nobody remembers any more.
func (g *Guard) tidy(ctx context.Context) error {
	held, err := g.store.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for network := range held {
		g.hold(network)
	}
	for network, at := range g.let {
		_, still := held[network]
		if g.scope.Needed(network) {
			err = errors.Join(err, g.remove(network))
		}
		switch {
		case still:
		case at.IsZero():
			g.let[network] = time.Now()
		case time.Since(at) > remembered:
			delete(g.let, network)
			err = errors.Join(err, g.remove(network))
		}
	}
	return err
}

// remove takes a route away. A second sidecar of this machine has the same, and may have been the first.
func (g *Guard) remove(network netip.Prefix) error {
	if err := netlink.RouteDel(guardOf(network)); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("remove the guard of %s: %w", network, err)
	}
	return nil
}

func (g *Guard) end() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	for _, network := range slices.Collect(maps.Keys(g.let)) {
		delete(g.let, network)
		err = errors.Join(err, g.remove(network))
	}
	g.ended = true
	return err
}
