package whaley

import (
	"net/netip"
	"slices"
)

// Part is one of several networks of an instance.
type Part struct {
	Name     string
	Subnet   netip.Prefix
	Internal bool // no way to the outside, whatever the challenge may
}

// Parts are an instance's networks. Most have one, which has no name and is not in the row's list.
func (in *Instance) Parts() []Part {
	if len(in.Networks) > 0 {
		return in.Networks
	}
	if !in.Subnet.IsValid() {
		return nil
	}
	return []Part{{Subnet: in.Subnet}}
}

// Outside are the subnets from which an instance may reach the outside.
func (in *Instance) Outside() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range in.Parts() {
		if in.Egress && !p.Internal {
			all = append(all, p.Subnet)
		}
	}
	return all
}

// AddressIn is where the nth service of a challenge is on a subnet, after the network's own address and the gateway.
func AddressIn(subnet netip.Prefix, n int) netip.Addr {
	address := subnet.Addr().Next().Next()
	for range n {
		address = address.Next()
	}
	return address
}

// EngineNetwork is the engine's name of one of an instance's networks.
func (in *Instance) EngineNetwork(name string) string {
	if n := slices.IndexFunc(in.Networks, func(p Part) bool { return p.Name == name }); n > 0 {
		return NetworkName(in.ID) + "-" + name
	}
	return NetworkName(in.ID)
}

// Home is the service whose network one is on: its own, or the one that it shares; n is its number among all.
func (ch *Challenge) Home(service string) (s Service, n int) {
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

// Address is where a service is reached. One that is on no network has but its own loopback.
func (in *Instance) Address(ch *Challenge, service string) netip.Addr {
	s, n := ch.Home(service)
	if s.Offline {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return in.Endpoints(s, n)[0].Address
}

// Endpoints are a service's places on the instance's networks; n is its number among the services.
func (in *Instance) Endpoints(s Service, n int) []Endpoint {
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
			Network: in.EngineNetwork(j.Network), Address: AddressIn(subnet, n), Aliases: append([]string{s.Name}, j.Aliases...),
		})
	}
	return all
}

// Endpoint is a container's place on a network.
type Endpoint struct {
	Network string
	Address netip.Addr
	Aliases []string
}

// NetworkName is the engine's name of an instance's network.
func NetworkName(instance string) string { return "whaley-" + instance }
