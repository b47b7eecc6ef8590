package containers

import "github.com/whaley-ctf/whaley/sidecar/internal/whaley"

// hasPort says whether a route gets a host port: those of type port do, and all when routers cannot reach the
// containers' own addresses.
func (c *Platform) hasPort(r whaley.Route) bool { return r.Type == whaley.RoutePort || c.published }

// internalPorts are those of a challenge that get a host port. Two services cannot publish the same one: a host port
// belongs to an internal port of the instance.
func (c *Platform) internalPorts(ch *whaley.Challenge) ([]int, error) {
	var ports []int
	service := map[int]string{}
	for _, r := range ch.Routes {
		if !c.hasPort(r) {
			continue
		}
		if other, taken := service[r.Port]; taken && other != r.Service {
			return nil, whaley.Errorf(whaley.Unavailable, "ports_ambiguous",
				"The services %s and %s both listen on %d, which BACKEND=published cannot tell apart. Tell an organiser.", other,
				r.Service, r.Port)
		} else if taken {
			continue
		}
		service[r.Port] = r.Service
		ports = append(ports, r.Port)
	}
	return ports, nil
}

// published are the ports of a service that the engine leads to it: all, where there is no map.
func (s *start) published(service string, udp bool) map[int]int {
	if s.portMap != nil {
		return nil
	}
	return s.hostPorts(s.in, s.plan.Challenge, service, udp)
}

// hostPorts are the ports of a service, of TCP or UDP, that get a host port.
func (c *Platform) hostPorts(in *whaley.Instance, ch *whaley.Challenge, service string, udp bool) map[int]int {
	ports := map[int]int{}
	for _, r := range ch.Routes {
		if !c.hasPort(r) || r.UDP != udp {
			continue
		}
		if home, _ := ch.Home(r.Service); home.Name == service {
			ports[r.Port] = in.Ports[r.Port]
		}
	}
	return ports
}
