package instancer

import (
	"context"

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

// Shapes are those of all challenges that can be started, for the sandboxes to expect.
func (i *Instancer) Shapes() []whaley.Shape {
	var all []whaley.Shape
	for _, ch := range i.Challenges.All() {
		if s, ok := i.platform.shape(ch); ok {
			all = append(all, s)
		}
	}
	return all
}

// Idle says whether no spawn is under way.
func (i *Instancer) Idle() bool { return i.queue.idle() }

// NetworkLost stops an instance whose network is no more; one that is being started is given another.
func (i *Instancer) NetworkLost(ctx context.Context, id string) {
	if i.platform.giveUpSandbox(id) {
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

// noSandboxes is for those who have none.
type noSandboxes struct{}

func (noSandboxes) Take(context.Context, string, whaley.Shape) (*whaley.Sandbox, error) {
	return nil, nil
}
func (noSandboxes) Free(context.Context, string) error          { return nil }
func (noSandboxes) Whole(context.Context, string) (bool, error) { return true, nil }
func (noSandboxes) Discard(context.Context, string) error       { return nil }
