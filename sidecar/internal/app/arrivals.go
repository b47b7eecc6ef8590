package app

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
)

// newArrivals bounds the new connections of one address to the ports for players.
func newArrivals(c *config.Config, deployment string, log *slog.Logger) *firewall.Arrivals {
	return firewall.NewArrivals(docker.BridgePrefix(deployment), firewall.ArrivalsOptions{
		Ports: playersPorts(c), Rate: cmp.Or(c.AddressRate, firewall.RateFor(runtime.GOMAXPROCS(0))), Most: c.AddressConnections,
		Many: c.Trusted,
	}, log)
}

// playersPorts are the ports of this host that players connect to, as far as the settings say: those of routes of type
// custom are Traefik's to know, and those of instances have a share of their own.
func playersPorts(c *config.Config) []uint16 {
	ports := []int{portOf(c.EdgeTLSListen)}
	if c.Edge == "embedded" {
		ports = append(ports, portOf(c.EdgeListen))
	} else {
		ports = append(ports, portOfURL(c.Dashboard), 80) // the latter leads to the former
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil {
		if a, err := netip.ParseAddr(host); err != nil && host != "localhost" || err == nil && !a.IsLoopback() {
			ports = append(ports, portOf(c.Listen))
		}
	}
	var all []uint16
	for _, port := range ports {
		if port > 0 {
			all = append(all, uint16(port))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// portOfURL is the port that an address of the web means.
func portOfURL(u *url.URL) int {
	switch {
	case u.Port() != "":
		return portOf(u.Host)
	case u.Scheme == "https":
		return 443
	}
	return 80
}
