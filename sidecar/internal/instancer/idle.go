package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Idle says whether no start is under way.
func (i *Instancer) Idle() bool { return i.queue.idle() }

// Lost stops an instance that runs or sleeps and has lost something that it cannot be without.
func (i *Instancer) Lost(ctx context.Context, id string) {
	in, err := i.Store.Get(ctx, id)
	if err != nil || !in.State.Timed() {
		return // it is being stopped, or whoever takes it up looks
	}
	i.Log.Warn("instance lost its network", "instance", id)
	if _, err := i.stop(ctx, in, whaley.CauseLost); err != nil {
		i.Log.Error("lost instance not stopped", "instance", id, "err", err)
	}
}
