package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// timed are the states in which an instance has a time that runs out.
var timed = []whaley.State{whaley.Running, whaley.Sleeping}

// Extension applies the rule to an instance whose time runs.
func (i *Instancer) Extension(in *whaley.Instance) whaley.Extension {
	if !in.State.Timed() {
		return whaley.Extension{}
	}
	left := max(0, in.Terms.Timeout-in.Extended)
	return whaley.Extension{Step: min(in.Terms.ExtendTime, left), From: in.StartedAt.Add(in.Terms.Timeout / 2), Left: left}
}

// ExtendAny adds a step to anybody's instance on behalf of an organiser: whenever it is, and what the owner may add
// stays.
func (i *Instancer) ExtendAny(ctx context.Context, id, by string) (*whaley.Instance, error) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	step := in.Terms.ExtendTime
	if step <= 0 {
		step = in.Terms.Timeout
	}
	if !in.State.Timed() {
		return nil, whaley.Errorf(
			whaley.Conflict, "instance_not_running", "Only a running instance can be extended; this one is %s.", in.State,
		)
	}
	extended, err := i.Store.Update(ctx, id, timed, func(in *whaley.Instance) {
		in.ExpiresAt = in.ExpiresAt.Add(step)
	}, whaley.Event{
		Type: "instance_extend", Instance: id, Challenge: in.Challenge, Owner: in.Owner.ID, Player: by, At: i.now(),
		Message: "extended by " + step.String() + " by an organiser",
	})
	if err != nil {
		return nil, err
	}
	i.changed(extended)
	return extended, nil
}

// Extend adds the next step to an instance's time. It refuses with extension_too_early, extension_used_up or
// instance_not_running, and says what would be allowed when.
func (i *Instancer) Extend(ctx context.Context, p whaley.Player, id string) (_ *whaley.Instance, err error) {
	began, challenge := time.Now(), ""
	defer func() {
		if i.refused(p.Owner, whaley.OpExtend, challenge, err); err == nil {
			i.Observer.Done(whaley.OpExtend, challenge, time.Since(began), nil)
		}
	}()
	in, err := i.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	challenge = in.Challenge
	if !in.State.Timed() {
		return nil, whaley.Errorf(
			whaley.Conflict, "instance_not_running", "Only a running instance can be extended; this one is %s.", in.State,
		)
	}
	rule, now := i.Extension(in), i.now()
	if rule.Step <= 0 {
		return nil, whaley.Errorf(
			whaley.Conflict, "extension_used_up",
			"This instance cannot be extended any further. You can start it anew after it ends.",
		)
	}
	if now.Before(rule.From) {
		return nil, whaley.Errorf(whaley.Conflict, "extension_too_early", "This instance can be extended from %s on.",
			rule.From.Format(time.RFC3339)).After(rule.From.Sub(now))
	}
	before := in.Extended
	extended, err := i.Store.Update(ctx, id, timed, func(in *whaley.Instance) {
		if in.Extended == before { // two presses at once are one
			in.Extended += rule.Step
			in.ExpiresAt = in.ExpiresAt.Add(rule.Step)
		}
	}, whaley.Event{
		Type: "instance_extend", Instance: id, Challenge: in.Challenge, Owner: in.Owner.ID, Player: p.ID, At: now,
		Message: "extended by " + rule.Step.String(),
	})
	if err != nil {
		return nil, err
	}
	i.changed(extended)
	return extended, nil
}
