package instancer

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// backend is where a router finds a route of an instance, as host:port; empty while that is not known.
func (i *Instancer) backend(in *whaley.Instance, r whaley.Route) string {
	if i.opts.BackendHost != "" {
		port, ok := in.Ports[r.Port]
		if !ok {
			return "" // started when BACKEND was another
		}
		return hostPort(i.opts.BackendHost, port)
	}
	return i.contained(in, r)
}

// hostPort is a host, which may be an address of either kind, with a port.
func hostPort(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}

// contained is where a route's service listens, on the instance's own network; empty while that is not known.
func (i *Instancer) contained(in *whaley.Instance, r whaley.Route) string {
	address, ok := in.Addresses[r.Service]
	if !ok {
		return ""
	}
	return netip.AddrPortFrom(address, uint16(r.Port)).String()
}
