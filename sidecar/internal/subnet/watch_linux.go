package subnet

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

const (
	// filesEvery is how often the files with name servers are read: a watch would miss those that are replaced, or linked
	// anew.
	filesEvery = 5 * time.Second
	// settled is how long after a change of routes is waited for the next one.
	settled = 2 * time.Second
)

// Changes gives a hint when name servers, routes or addresses of this host have changed, until ctx ends. What comes and
// goes with instances, on interfaces whose names begin with own, is not among it.
func Changes(ctx context.Context, own string, log *slog.Logger) <-chan struct{} {
	hints := make(chan struct{}, 1)
	go watch(ctx, own, hints, log)
	return hints
}

func watch(ctx context.Context, own string, hints chan<- struct{}, log *slog.Logger) {
	files := time.NewTicker(filesEvery)
	defer files.Stop()
	quiet := time.NewTimer(0)
	defer quiet.Stop()
	before := namesNow()
	var routes chan netlink.RouteUpdate
	var addresses chan netlink.AddrUpdate
	for {
		if routes == nil {
			routes = make(chan netlink.RouteUpdate, 64)
			if err := netlink.RouteSubscribe(routes, ctx.Done()); err != nil {
				log.Warn("the kernel does not tell of changed routes", "err", err)
			}
		}
		if addresses == nil {
			addresses = make(chan netlink.AddrUpdate, 64)
			if err := netlink.AddrSubscribe(addresses, ctx.Done()); err != nil {
				log.Warn("the kernel does not tell of changed addresses", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case change, open := <-routes:
			if !open {
				routes = nil // it told more than was read: something has changed
			}
			if !open || change.Protocol != routeProtocol && !ofInstances(change.LinkIndex, own) {
				quiet.Reset(settled)
			}
		case change, open := <-addresses:
			if !open {
				addresses = nil
			}
			if !open || !ofInstances(change.LinkIndex, own) {
				quiet.Reset(settled)
			}
		case <-files.C:
			if now := namesNow(); now != before {
				before = now
				quiet.Reset(0)
			}
		case <-quiet.C:
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	}
}

// ofInstances says whether an interface is one of ours, or has gone again already, as those of instances do.
func ofInstances(link int, own string) bool {
	if link == 0 {
		return false
	}
	l, err := netlink.LinkByIndex(link)
	return err != nil || strings.HasPrefix(l.Attrs().Name, own) || strings.HasPrefix(l.Attrs().Name, "veth")
}

func namesNow() string {
	var all strings.Builder
	for _, name := range resolvFiles {
		text, _ := os.ReadFile(name) // one that is not there says nothing
		all.Write(text)
		all.WriteByte(0)
	}
	return all.String()
}
