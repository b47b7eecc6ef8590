package containers

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Forward leads a port of the host to a service.
type Forward struct {
	Port int
	UDP  bool
	To   netip.AddrPort
}

// PortMap leads ports of the host to services, instead of the engine.
type PortMap interface {
	// Open leads ports to services; Close ends that. Both may be repeated.
	Open(ctx context.Context, all []Forward) error
	Close(ctx context.Context, all []Forward) error
	// Sync leads exactly what list returns. It calls list while no Open or Close is under way.
	Sync(ctx context.Context, list func(context.Context) ([]Forward, error)) error
}

// forwards are those of an instance, as its row says. There are none where the engine publishes ports.
func (c *Platform) forwards(in *whaley.Instance) []Forward {
	if c.portMap == nil {
		return nil
	}
	var all []Forward
	for _, r := range in.Routes {
		home := r.Service
		for shares := in.Terms.Shares[home]; shares != ""; shares = in.Terms.Shares[home] {
			home = shares
		}
		port, at := in.Ports[r.Port], in.Addresses[home]
		if r.Type == whaley.RoutePort && port != 0 && at.IsValid() {
			all = append(all, Forward{Port: port, UDP: r.UDP, To: netip.AddrPortFrom(at, uint16(r.Port))})
		}
	}
	return all
}

// open leads an instance's ports to it, once it is ready: until then who connects is held.
func (c *Platform) open(ctx context.Context, in *whaley.Instance) error {
	if c.portMap == nil {
		return nil
	}
	c.mu.Lock()
	c.led[in.ID] = true
	c.mu.Unlock()
	return c.portMap.Open(ctx, c.forwards(in))
}

// closePorts ends that.
func (c *Platform) closePorts(ctx context.Context, in *whaley.Instance) error {
	if c.portMap == nil {
		return nil
	}
	c.mu.Lock()
	delete(c.led, in.ID)
	c.mu.Unlock()
	return c.portMap.Close(ctx, c.forwards(in))
}

// syncPorts leads the ports of all that runs, and no other.
func (c *Platform) syncPorts(ctx context.Context, live func(context.Context) ([]*whaley.Instance, error)) error {
	if c.portMap == nil {
		return nil
	}
	return c.portMap.Sync(ctx, func(ctx context.Context) ([]Forward, error) {
		all, err := live(ctx)
		var led []Forward
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, in := range all {
			// One that was opened here may not be called running in its row yet.
			if in.State == whaley.Running || in.State == whaley.Starting && c.led[in.ID] {
				led = append(led, c.forwards(in)...)
			}
		}
		return led, err
	})
}
