package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Any is anybody's instance, for organisers.
func (i *Instancer) Any(ctx context.Context, id string) (*whaley.Instance, error) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return i.withStage(in), nil
}

// Staged adds to a row what is known in memory only.
func (i *Instancer) Staged(in *whaley.Instance) *whaley.Instance { return i.withStage(in) }

// StopAny takes anybody's instance down, as Stop does its owner's.
func (i *Instancer) StopAny(ctx context.Context, id string) (*whaley.Instance, error) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !in.State.Live() {
		return nil, whaley.Errorf(whaley.Conflict, "instance_not_live", "This instance is %s already.", in.State)
	}
	return i.stop(ctx, in, whaley.CauseAdmin)
}

// End takes an instance down for a cause that is nobody's wish. One that is down already is no error.
func (i *Instancer) End(ctx context.Context, id, cause string) error {
	in, err := i.Store.Get(ctx, id)
	if err != nil || !in.State.Live() || in.State == whaley.Stopping {
		return err
	}
	_, err = i.stop(ctx, in, cause)
	return err
}

// SpawnFor starts an owner's copy on behalf of an organiser: the owner's quota, back-off and draining do not count, the
// host's limits do.
func (i *Instancer) SpawnFor(ctx context.Context, owner whaley.Owner, by, challenge string) (*whaley.Instance, error) {
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	q := i.Policy().Quota
	q.PerOwner = 0
	return i.queued(ctx, whaley.Player{ID: by, Owner: owner}, ch, q)
}

// Allowed is how many live instances a player's owner may have; 0: no limit.
func (i *Instancer) Allowed(p whaley.Player) int { return i.quota(p).PerOwner }
