package subnet

import (
	"context"
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
	<-ctx.Done()
	if err := netlink.RouteDel(route); err != nil {
		return fmt.Errorf("remove the route of %s: %w", pool, err)
	}
	return nil
}
