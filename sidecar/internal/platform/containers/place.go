package containers

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// reserve fixes the networks, the addresses and the ports and has them written into the row before anything uses them.
func (s *start) reserve(ctx context.Context) (err error) {
	ctx, end := s.steps.Step(ctx, "reserve")
	defer func() { end(err) }()
	ch := s.plan.Challenge
	internal, err := s.internalPorts(ch)
	if err != nil {
		return err
	}
	parts, err := s.place(ctx)
	if err != nil {
		return err
	}
	var ports map[int]int
	if len(internal) > 0 {
		if ports, err = s.ports.Reserve(ctx, s.in.ID, s.in.Owner.ID, ch.ID, internal); err != nil {
			return err
		}
	}
	planned := &whaley.Instance{ID: s.in.ID, Subnet: parts[0].Subnet}
	if len(parts) > 1 || parts[0].Name != "" {
		planned.Networks = parts
	}
	addresses := make(map[string]netip.Addr, len(ch.Services))
	for _, service := range ch.Services {
		addresses[service.Name] = planned.Address(ch, service.Name)
	}
	return s.placed(
		ctx, instancer.Location{Subnet: planned.Subnet, Networks: planned.Networks, Addresses: addresses, Ports: ports},
	)
}

// placed has a place written.
func (s *start) placed(ctx context.Context, p instancer.Location) error {
	in, err := s.steps.Placed(ctx, p)
	if err == nil {
		s.in = in
	}
	return err
}

// place is a ready sandbox if the pool has one, else subnets where everything is to be made.
func (s *start) place(ctx context.Context) ([]whaley.Part, error) {
	s.taken = nil
	if shape, fits := s.shape(s.plan.Challenge); fits && s.pooled {
		sb, err := s.sandboxes.Take(ctx, s.in.ID, shape)
		if err != nil {
			return nil, err
		}
		if sb != nil {
			s.taken = sb
			return []whaley.Part{{Subnet: sb.Subnet}}, nil
		}
	}
	return s.reserveParts(ctx, s.in.ID, s.plan.Challenge)
}

// unplace undoes what was made of an instance and takes its networks out of the row, before anybody else gets them.
func (s *start) unplace(ctx context.Context) error {
	if err := s.clear(ctx, s.in); err != nil {
		return err
	}
	if err := s.forbid(ctx, s.in.Parts()); err != nil {
		return err
	}
	return s.placed(ctx, instancer.Location{Ports: s.in.Ports})
}

// leave removes what was made of an instance in another place than it has now.
func (s *start) leave(ctx context.Context, was []whaley.Part) error {
	if err := s.clear(ctx, s.in); err != nil {
		return err
	}
	return s.forbid(ctx, was)
}

// forbid keeps networks from the outside: the next one who gets them must not inherit what this one was allowed.
func (c *Platform) forbid(ctx context.Context, parts []whaley.Part) error {
	for _, p := range parts {
		if err := c.firewall.Forbid(ctx, p.Subnet); err != nil {
			return err
		}
	}
	return nil
}
