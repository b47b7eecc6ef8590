package containers

import (
	"context"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// reserveParts reserves a subnet for each network of a challenge. The first has the instance's own name as holder, the
// others theirs below it.
func (c *Platform) reserveParts(ctx context.Context, instance string, ch *whaley.Challenge) ([]whaley.Part, error) {
	networks := ch.Networks
	if len(networks) == 0 {
		networks = []whaley.Network{{}}
	}
	parts := make([]whaley.Part, len(networks))
	for n, network := range networks {
		holder := instance
		if n > 0 {
			holder += "/" + network.Name
		}
		subnet, err := c.subnets.Reserve(ctx, holder)
		if err != nil {
			return nil, err
		}
		parts[n] = whaley.Part{Name: network.Name, Subnet: subnet, Internal: network.Internal}
	}
	return parts, nil
}

// networkSpec is how one of an instance's networks is made. The engine publishes no ports of an internal one.
func (c *Platform) networkSpec(
	in *whaley.Instance, ch *whaley.Challenge, p whaley.Part, labels instancer.Labels,
) NetworkSpec {
	leaves := ch.Egress && !p.Internal
	hasPorts := slices.ContainsFunc(ch.Services, func(s whaley.Service) bool {
		first := len(s.Joins) == 0 || len(in.Networks) == 0 || s.Joins[0].Network == p.Name
		return first && len(c.hostPorts(in, ch, s.Name, false))+len(c.hostPorts(in, ch, s.Name, true)) > 0
	})
	return NetworkSpec{
		Name: in.EngineNetwork(p.Name), Subnet: p.Subnet, Labels: labels, Internal: !leaves && !hasPorts, Masquerade: leaves,
	}
}
