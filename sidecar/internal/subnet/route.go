package subnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	routeMetric   = 4242 // so that any other route for the pool goes before ours
	routeProtocol = 87   // "W": tells our route from others
)

// Guard makes addresses of the pool that no network has at the moment unreachable, until ctx ends. Without it a
// request for an instance that has just gone would leave by the default route, and wait, or meet a stranger. A
// network of an instance is more specific and goes before. It needs the right to change routes (CAP_NET_ADMIN); without
// that it only says so.
func Guard(ctx context.Context, pool netip.Prefix, log *slog.Logger) error {
	route := &netlink.Route{
		Dst:      &net.IPNet{IP: pool.Masked().Addr().AsSlice(), Mask: net.CIDRMask(pool.Bits(), 32)},
		Type:     unix.RTN_UNREACHABLE,
		Priority: routeMetric,
		Protocol: routeProtocol,
	}
	if err := netlink.RouteReplace(route); err != nil {
		log.Warn("unused addresses of SUBNET_POOL stay routable: a request right after an instance has stopped may hang for some seconds",
			"pool", pool, "err", err)
		<-ctx.Done()
		return nil
	}
	keep(ctx, route, log)
	// A second sidecar of this machine has the same route, and may have been the first to remove it.
	if err := netlink.RouteDel(route); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("remove the route of %s: %w", pool, err)
	}
	return nil
}

// keep puts the route back when somebody has removed it, until ctx ends: a second sidecar of this machine does so when it ends.
func keep(ctx context.Context, route *netlink.Route, log *slog.Logger) {
	for ctx.Err() == nil {
		changes := make(chan netlink.RouteUpdate, 64)
		if err := netlink.RouteSubscribe(changes, ctx.Done()); err != nil {
			log.Warn("the kernel does not tell of changed routes", "err", err)
			<-ctx.Done()
			return
		}
		if err := netlink.RouteReplace(route); err != nil { // it may have gone before the subscription
			log.Warn("route of unused addresses could not be put back", "err", err)
		}
		follow(ctx, changes, route, log)
	}
}

// follow returns when ctx ends, or when the kernel has dropped the subscription because it told more than was read.
func follow(ctx context.Context, changes <-chan netlink.RouteUpdate, route *netlink.Route, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case change, open := <-changes:
			if !open {
				return
			}
			gone := change.Type == unix.RTM_DELROUTE && change.Protocol == route.Protocol &&
				change.Dst != nil && change.Dst.String() == route.Dst.String()
			if !gone || ctx.Err() != nil {
				continue
			}
			if err := netlink.RouteReplace(route); err != nil {
				log.Warn("route of unused addresses could not be put back", "err", err)
			}
		}
	}
}
