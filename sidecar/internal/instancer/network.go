package instancer

import (
	"context"
	"net/netip"
	"slices"
)

// Part is one of several networks of an instance.
type Part struct {
	Name     string
	Subnet   netip.Prefix
	Internal bool // no way to the outside, whatever the challenge may
}

// parts are an instance's networks. Most have one, which has no name and is not in the row's list.
func (in *Instance) parts() []Part {
	if len(in.Networks) > 0 {
		return in.Networks
	}
	if !in.Subnet.IsValid() {
		return nil
	}
	return []Part{{Subnet: in.Subnet}}
}

// outside are the subnets from which an instance may reach the outside.
func (in *Instance) outside() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range in.parts() {
		if in.Egress && !p.Internal {
			all = append(all, p.Subnet)
		}
	}
	return all
}

// reserveParts reserves a subnet for each network of a challenge. The first has the instance's own name as holder, the
// others theirs below it.
func (i *Instancer) reserveParts(ctx context.Context, instance string, ch *Challenge) ([]Part, error) {
	networks := ch.Networks
	if len(networks) == 0 {
		networks = []Network{{}}
	}
	parts := make([]Part, len(networks))
	for n, network := range networks {
		holder := instance
		if n > 0 {
			holder += "/" + network.Name
		}
		subnet, err := i.Subnets.Reserve(ctx, holder)
		if err != nil {
			return nil, err
		}
		parts[n] = Part{Name: network.Name, Subnet: subnet, Internal: network.Internal}
	}
	return parts, nil
}

// addressOf is where the nth service of a challenge is on a subnet, after the network's own address and the gateway.
func addressOf(subnet netip.Prefix, n int) netip.Addr {
	address := subnet.Addr().Next().Next()
	for range n {
		address = address.Next()
	}
	return address
}

// engineNetwork is the engine's name of one of an instance's networks.
func (in *Instance) engineNetwork(name string) string {
	if n := slices.IndexFunc(in.Networks, func(p Part) bool { return p.Name == name }); n > 0 {
		return NetworkName(in.ID) + "-" + name
	}
	return NetworkName(in.ID)
}

// home is the service whose network one is on: its own, or the one that it shares; n is its number among all.
func (ch *Challenge) home(service string) (s Service, n int) {
	named := func(name string) int {
		return slices.IndexFunc(ch.Services, func(s Service) bool { return s.Name == name })
	}
	n = named(service)
	if n >= 0 && ch.Services[n].Shares != "" {
		n = named(ch.Services[n].Shares)
	}
	if n < 0 {
		return Service{}, n
	}
	return ch.Services[n], n
}

// address is where a service is reached. One that is on no network has but its own loopback.
func (in *Instance) address(ch *Challenge, service string) netip.Addr {
	s, n := ch.home(service)
	if s.Offline {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return in.endpoints(s, n)[0].Address
}

// endpoints are a service's places on the instance's networks; n is its number among the services.
func (in *Instance) endpoints(s Service, n int) []Endpoint {
	if s.Shares != "" || s.Offline {
		return []Endpoint{{}}
	}
	joins := s.Joins
	if len(joins) == 0 {
		joins = []Join{{}}
	}
	var all []Endpoint
	for _, j := range joins {
		subnet := in.Subnet
		if at := slices.IndexFunc(in.Networks, func(p Part) bool { return p.Name == j.Network }); at >= 0 {
			subnet = in.Networks[at].Subnet
		}
		all = append(all, Endpoint{
			Network: in.engineNetwork(j.Network), Address: addressOf(subnet, n), Aliases: append([]string{s.Name}, j.Aliases...),
		})
	}
	return all
}

// networkSpec is how one of an instance's networks is made. The engine publishes no ports of an internal one.
func (i *Instancer) networkSpec(in *Instance, ch *Challenge, p Part, labels Labels) NetworkSpec {
	leaves := ch.Egress && !p.Internal
	publishes := slices.ContainsFunc(ch.Services, func(s Service) bool {
		first := len(s.Joins) == 0 || len(in.Networks) == 0 || s.Joins[0].Network == p.Name
		return first && len(i.hostPorts(in, ch, s.Name, false))+len(i.hostPorts(in, ch, s.Name, true)) > 0
	})
	return NetworkSpec{Name: in.engineNetwork(p.Name), Subnet: p.Subnet, Labels: labels, Internal: !leaves && !publishes, Masquerade: leaves}
}
