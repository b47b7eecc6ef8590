package instancer

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// published says whether a route gets a host port: those of type port do, and all when routers cannot reach the
// containers' own addresses.
func (i *Instancer) published(r whaley.Route) bool {
	return r.Type == whaley.RoutePort || i.opts.BackendHost != ""
}

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

// internalPorts are those of a challenge that get a host port. Two services cannot publish the same one: a host port
// belongs to an internal port of the instance.
func (i *Instancer) internalPorts(ch *whaley.Challenge) ([]int, error) {
	var ports []int
	service := map[int]string{}
	for _, r := range ch.Routes {
		if !i.published(r) {
			continue
		}
		if other, taken := service[r.Port]; taken && other != r.Service {
			return nil, whaley.Errorf(whaley.Unavailable, "ports_ambiguous",
				"The services %s and %s both listen on %d, which BACKEND=published cannot tell apart. Tell an organiser.", other, r.Service, r.Port)
		} else if taken {
			continue
		}
		service[r.Port] = r.Service
		ports = append(ports, r.Port)
	}
	return ports, nil
}
