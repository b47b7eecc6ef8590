package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// SpawnFrom is Spawn for a scoreboard that starts instances for its teams, says how long they run, and prolongs them
// itself.
func (i *Instancer) SpawnFrom(
	ctx context.Context, p whaley.Player, challenge string, timeout time.Duration,
) (_ *whaley.Instance, err error) {
	defer func() { i.refused(p.Owner, whaley.OpSpawn, challenge, err) }()
	ch, err := i.open(p, challenge)
	if err != nil {
		return nil, err
	}
	terms := whaley.TermsOf(ch)
	// Nobody signs in here who could wake it.
	terms.Timeout, terms.ExtendTime, terms.Given, terms.Idle, terms.StopOnSolve = timeout, 0, true, 0, 0
	return i.queuedOn(ctx, p, ch, terms, i.quota(p))
}

// Renew has an owner's running instance end after a time from now, as its scoreboard says.
func (i *Instancer) Renew(
	ctx context.Context, p whaley.Player, id string, timeout time.Duration,
) (*whaley.Instance, error) {
	in, err := i.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if !in.State.Timed() {
		return nil, whaley.Errorf(
			whaley.Conflict, "instance_not_running", "Only a running instance can be extended; this one is %s.", in.State,
		)
	}
	now := i.now()
	renewed, err := i.Store.Update(ctx, id, timed, func(in *whaley.Instance) {
		in.ExpiresAt = now.Add(timeout)
	}, whaley.Event{
		Type: "instance_extend", Instance: id, Challenge: in.Challenge, Owner: in.Owner.ID, Player: p.ID, At: now,
		Message: "runs for " + timeout.String() + " from now",
	})
	if err != nil {
		return nil, err
	}
	i.changed(renewed)
	return renewed, nil
}
