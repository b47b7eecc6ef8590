package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// SpawnThrowAway starts a copy of a challenge for a solver, whether the challenge is open or not. It ends by itself
// after a while. Of the host's limits only that of memory counts for it, and it takes no player's place.
func (i *Instancer) SpawnThrowAway(
	ctx context.Context, owner whaley.Owner, challenge string, lasts time.Duration,
) (*whaley.Instance, error) {
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	terms := whaley.TermsOf(ch)
	terms.Timeout, terms.ExtendTime, terms.Given, terms.Idle, terms.StopOnSolve = lasts, 0, true, 0, 0
	q := whaley.Quota{Memory: i.Policy().Quota.Memory}
	return i.queuedOn(ctx, whaley.Player{ID: owner.ID + "_player", Owner: owner}, ch, terms, q)
}

// AwaitState returns an instance once it is in a state, or does not live any more.
func (i *Instancer) AwaitState(ctx context.Context, in *whaley.Instance, state whaley.State) (*whaley.Instance, error) {
	for {
		changed, done := i.hub.watch(hostKey(in.Challenge, in.Slug))
		now, err := i.Store.Get(ctx, in.ID)
		if err != nil || now.State == state || !now.State.Live() {
			done()
			return now, err
		}
		select {
		case <-changed:
			done()
		case <-ctx.Done():
			done()
			return now, ctx.Err()
		}
	}
}

// done tells of an operation on an instance that has ended, unless its owner is no player.
func (i *Instancer) done(operation string, in *whaley.Instance, took time.Duration, err error) {
	if !whaley.Synthetic(in.Owner.ID) {
		i.Observer.Done(operation, in.Challenge, took, err)
	}
}

// waited tells how long an instance has stood in the queue, unless its owner is no player or this process did not see
// it come.
func (i *Instancer) waited(in *whaley.Instance, from origin) {
	if !from.at.IsZero() && !whaley.Synthetic(in.Owner.ID) {
		i.Observer.Waited(time.Since(from.at))
	}
}
