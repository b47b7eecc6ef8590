package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// restartTime is how long a restart waits for the old instance to be gone.
const restartTime = 40 * time.Second

// RestartFor takes an owner's instance down and asks for a new one of its challenge. It refuses, and leaves what runs
// alone, where a new one would be refused.
func (i *Instancer) RestartFor(ctx context.Context, p whaley.Player, id string) (*whaley.Instance, error) {
	in, err := i.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	ch, ok := i.Challenges.Get(in.Challenge)
	if !ok || ch.Inactive {
		return nil, whaley.Errorf(
			whaley.Conflict, "challenge_inactive",
			"This challenge is closed: your instance keeps running, but could not be started again.",
		)
	}
	if why := i.Closed(p, ch); why != nil {
		return nil, why
	}
	if err := i.drained(); err != nil {
		return nil, err
	}
	if err := i.images.failure(ch); err != nil {
		return nil, err
	}
	if err := i.untilGone(ctx, in, whaley.CausePlayer); err != nil {
		return nil, err
	}
	return i.Spawn(ctx, p, in.Challenge)
}

// RestartAny is RestartFor on behalf of an organiser: it goes to the same owner, as SpawnFor does.
func (i *Instancer) RestartAny(ctx context.Context, id, by string) (*whaley.Instance, error) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	ch, ok := i.Challenges.Get(in.Challenge)
	if !ok {
		return nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", in.Challenge)
	}
	if err := i.images.failure(ch); err != nil {
		return nil, err
	}
	if err := i.untilGone(ctx, in, whaley.CauseAdmin); err != nil {
		return nil, err
	}
	return i.SpawnFor(ctx, in.Owner, by, in.Challenge)
}

// untilGone stops an instance, and waits until it does not live any more.
func (i *Instancer) untilGone(ctx context.Context, in *whaley.Instance, cause string) error {
	if !in.State.Live() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	in, err := i.stop(ctx, in, cause)
	owner := whaley.Player{ID: "restart", Owner: whaley.Owner{}}
	for err == nil && in.State.Live() {
		if ctx.Err() != nil {
			return whaley.Errorf(
				whaley.Unavailable, "restart_slow", "The instance is still shutting down. Start it again in a moment.",
			).After(5 * time.Second)
		}
		owner.Owner = in.Owner
		in, err = i.Await(ctx, owner, in.ID, in.Version)
	}
	return err
}
