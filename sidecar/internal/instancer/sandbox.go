package instancer

import (
	"context"
	"errors"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Sandboxes are networks with addresses and names, made before anybody asks. An instance's containers join them.
type Sandboxes interface {
	// Take gives an instance a ready sandbox of a shape, the same one when asked again, or nil if there is none.
	Take(ctx context.Context, instance string, s whaley.Shape) (*whaley.Sandbox, error)
	// Free takes back what an instance has, if it has one, after its containers are gone.
	Free(ctx context.Context, instance string) error
	// Whole says whether all of what an instance has is there: the network, and every holder runs.
	Whole(ctx context.Context, instance string) (bool, error)
	// Discard does the same as Free with one that turned out to be broken.
	Discard(ctx context.Context, instance string) error
}

// shape is that of a challenge's instances, or false if they cannot use a sandbox: it has one network, and a published
// port belongs to the container that has the network, but is known only when an instance is made.
func (i *Instancer) shape(ch *whaley.Challenge) (whaley.Shape, bool) {
	if len(ch.Networks) > 0 || slices.ContainsFunc(ch.Routes, i.published) {
		return whaley.Shape{}, false
	}
	s := whaley.Shape{Egress: ch.Egress}
	for _, service := range ch.Services {
		if service.Relay {
			continue // its names are an instance's, so it has a place of its own
		}
		seat := whaley.Seat{Name: service.Name, Hostname: service.Hostname}
		if service.Shares != "" || service.Offline {
			return whaley.Shape{}, false
		}
		if len(service.Joins) > 1 || service.Domain != "" || service.Runtime != "" { // the holder has the engine's own runtime
			return whaley.Shape{}, false
		}
		if len(service.Joins) == 1 {
			seat.Aliases = service.Joins[0].Aliases
		}
		s.Services = append(s.Services, seat)
	}
	return s, true
}

// Shapes are those of all challenges that can be started, for the sandboxes to expect.
func (i *Instancer) Shapes() []whaley.Shape {
	var all []whaley.Shape
	for _, ch := range i.Challenges.All() {
		if s, ok := i.shape(ch); ok {
			all = append(all, s)
		}
	}
	return all
}

// Idle says whether no spawn is under way.
func (i *Instancer) Idle() bool { return i.queue.idle() }

// NetworkLost stops an instance whose network is no more; one that is being started is given another.
func (i *Instancer) NetworkLost(ctx context.Context, id string) {
	i.mu.Lock()
	lose := i.sandboxLost[id]
	i.mu.Unlock()
	if lose != nil {
		lose()
		return
	}
	in, err := i.Store.Get(ctx, id)
	if err != nil || in.State != whaley.Running {
		return // another sidecar is at it, or whoever takes it up looks
	}
	i.Log.Warn("instance lost its network", "instance", id)
	if _, err := i.stop(ctx, in, whaley.CauseLost); err != nil {
		i.Log.Error("lost instance not stopped", "instance", id, "err", err)
	}
}

// inSandbox makes what an instance consists of, until that is ready or the sandbox is lost. The containers would run on
// without a network and never get ready.
func (i *Instancer) inSandbox(ctx context.Context, in *whaley.Instance, assemble func(ctx context.Context) error) (lost bool, err error) {
	ctx, lose := context.WithCancel(ctx)
	defer lose()
	i.mu.Lock()
	i.sandboxLost[in.ID] = lose
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		delete(i.sandboxLost, in.ID)
		i.mu.Unlock()
	}()
	err = assemble(ctx)
	if lost = ctx.Err() != nil; lost && err == nil {
		err = errors.New("it lost its sandbox")
	}
	return lost, err
}

// noSandboxes is for those who have none.
type noSandboxes struct{}

func (noSandboxes) Take(context.Context, string, whaley.Shape) (*whaley.Sandbox, error) {
	return nil, nil
}
func (noSandboxes) Free(context.Context, string) error          { return nil }
func (noSandboxes) Whole(context.Context, string) (bool, error) { return true, nil }
func (noSandboxes) Discard(context.Context, string) error       { return nil }
