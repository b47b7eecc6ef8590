package player

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// shownPorts are an owner's ports of the host, by challenge and internal port; they are theirs from when they are
// shown.
type shownPorts struct {
	Handlers
	owner  string
	booked map[string]map[int]int
}

func (a Handlers) shownPorts(ctx context.Context, owner string) (shownPorts, error) {
	s := shownPorts{Handlers: a, owner: owner}
	if a.Ports == nil {
		return s, nil
	}
	var err error
	s.booked, err = a.Ports.Booked(ctx, owner)
	return s, err
}

// with is an owner's instance of a challenge for its routes to be shown, with the ports that it has or will have.
func (s shownPorts) with(ctx context.Context, ch *whaley.Challenge, in *whaley.Instance) *whaley.Instance {
	var wanted []int
	missing := false
	for _, r := range ch.Routes {
		if r.Type == whaley.RoutePort {
			wanted = append(wanted, r.Port)
			missing = missing || s.booked[ch.ID][r.Port] == 0
		}
	}
	if s.Ports == nil || len(wanted) == 0 || in != nil && len(in.Ports) > 0 {
		return in
	}
	shown := &whaley.Instance{Ports: s.booked[ch.ID]}
	if missing {
		ports, err := s.Ports.Book(ctx, s.owner, ch.ID, wanted)
		if err != nil {
			s.Log.WarnContext(ctx, "ports not shown before their instance starts", "challenge", ch.ID, "err", err)
		}
		shown.Ports = ports
	}
	return shown
}
