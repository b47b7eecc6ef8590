package memory

import (
	"context"
	"fmt"
	"maps"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Sleep ends an instance's services.
func (p *Platform) Sleep(_ context.Context, in *whaley.Instance) error {
	defer p.lock()()
	for _, s := range p.of(in.ID) {
		p.end(s)
	}
	return nil
}

// Wake has those run that ran when it fell asleep.
func (p *Platform) Wake(
	ctx context.Context, in *whaley.Instance, run func(ctx context.Context, made []instancer.Made) error,
) error {
	unlock := p.lock()
	var made []instancer.Made
	for _, name := range in.Sleep.Services {
		for _, s := range p.of(in.ID) {
			if s.Labels.Service == name {
				made = append(made, instancer.Made{Service: whaley.Service{Name: name}, ID: s.ID, Address: in.Addresses[name]})
			}
		}
	}
	unlock()
	if len(made) < len(in.Sleep.Services) {
		return fmt.Errorf("wake %s: not all of it is there", in.ID)
	}
	return run(ctx, made)
}

// Traffic is what SetTraffic said, of all others nothing came in.
func (p *Platform) Traffic(_ context.Context, all []*whaley.Instance) (map[string]whaley.Traffic, error) {
	defer p.lock()()
	seen := map[string]whaley.Traffic{}
	for _, in := range all {
		seen[in.ID] = p.host.traffic[in.ID]
	}
	return seen, nil
}

// SetTraffic says what instances' connections are.
func (h *Host) SetTraffic(all map[string]whaley.Traffic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.traffic = maps.Clone(all)
}
