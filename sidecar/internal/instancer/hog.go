package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// stopHog stops an instance that takes what others need. Its player reads the reason.
func (i *Instancer) stopHog(ctx context.Context, id, cause string, reason *whaley.Error, seen ...any) {
	in, err := i.Store.Get(ctx, id)
	if err != nil || !in.State.Live() || in.State == whaley.Stopping {
		return
	}
	i.Log.Warn(
		"instance takes too much of what all share and is stopped",
		append([]any{"instance", id, "owner", in.Owner.ID, "challenge", in.Challenge, "cause", cause}, seen...)...,
	)
	if _, err := i.stopBecause(ctx, in, cause, reason); err != nil {
		i.Log.Error("instance that takes too much not stopped", "instance", id, "err", err)
	}
}
