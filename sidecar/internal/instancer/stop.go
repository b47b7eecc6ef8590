package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// removalSlots is how many instances are taken down at the same time.
const removalSlots = 16

// errStopped is the cause of a spawn's end when its instance is stopped meanwhile.
var errStopped = whaley.Errorf(whaley.Conflict, "stopped", "The instance was stopped while it started.")

// Stop takes an owner's instance down and returns as soon as that is written; removing goes on in the background.
// Stopping what is stopping already is no error.
func (i *Instancer) Stop(ctx context.Context, p whaley.Player, id string) (_ *whaley.Instance, err error) {
	defer func() { i.refused(p.Owner, whaley.OpStop, "", err) }()
	in, err := i.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if !in.State.Live() {
		return nil, whaley.Errorf(whaley.Conflict, "instance_not_live", "This instance is %s already.", in.State)
	}
	return i.stop(ctx, in, whaley.CausePlayer)
}

func (i *Instancer) stop(ctx context.Context, in *whaley.Instance, cause string) (*whaley.Instance, error) {
	return i.stopBecause(ctx, in, cause, nil)
}

// stopBecause also keeps a reason, which its player reads, and before which it is not started again at once.
func (i *Instancer) stopBecause(
	ctx context.Context, in *whaley.Instance, cause string, reason *whaley.Error,
) (*whaley.Instance, error) {
	message := stopMessage(cause)
	if reason != nil {
		message = cause + ": " + reason.Detail
	}
	if in.State == whaley.Stopping {
		i.takeDown(in)
		return in, nil
	}
	now := i.now()
	stopping, err := i.Store.Update(
		ctx, in.ID, []whaley.State{whaley.Queued, whaley.Starting, whaley.Running, whaley.Sleeping}, func(in *whaley.Instance) {
			in.State = whaley.Stopping
			if in.End(cause, now); reason != nil {
				in.Reason = whaley.BackedOff(reason, max(in.Losses-whaley.LossesBeforeBackOff, 0))
			}
		}, whaley.Event{
			Type: stopEvent(cause), Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player,
			Message: message, At: now,
		},
	)
	if whaley.CodeOf(err) == whaley.CodeStateChanged {
		return i.Store.Get(ctx, in.ID) // another change was first
	}
	if err != nil {
		return nil, err
	}
	i.queue.drop(in.ID)
	i.dropSpan(whaley.OpSpawn, in.ID)
	i.begin(ctx, whaley.OpStop, in)
	i.changed(stopping)
	i.takeDown(stopping)
	return stopping, nil
}

// stopMessage says for people why an instance was stopped.
func stopMessage(cause string) string {
	switch cause {
	case whaley.CausePlayer:
		return "Stopped by the player"
	case whaley.CauseAdmin:
		return "Stopped by an admin"
	case whaley.CauseExpired:
		return "Time was up"
	case whaley.CauseLost:
		return "A container ended or was removed"
	case whaley.CauseBanned:
		return "The player or team is banned or gone"
	case whaley.CauseOver:
		return "The event is over"
	}
	return "Stopped: " + cause
}

func stopEvent(cause string) string {
	if whaley.TookTooMuch(cause) {
		return "instance_over_limit"
	}
	switch cause {
	case whaley.CauseExpired:
		return "instance_expired"
	case whaley.CauseLost:
		return "instance_lost"
	}
	return "instance_stop"
}

// takeDown starts the removal of an instance in state stopping, after whatever job is on it was given up. However often
// it is asked for, one waits for that.
func (i *Instancer) takeDown(in *whaley.Instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if j := i.jobs[in.ID]; i.downs[in.ID] || j != nil && j.stops {
		return
	}
	i.downs[in.ID] = true
	go i.giveWay(in)
}

// giveWay gives up the job on an instance for the one that takes it down.
func (i *Instancer) giveWay(in *whaley.Instance) {
	defer func() {
		i.mu.Lock()
		delete(i.downs, in.ID)
		i.mu.Unlock()
	}()
	i.replace(in.ID, errStopped, true, func(ctx context.Context) {
		ctx, _, end := i.resume(ctx, whaley.OpStop, in.ID)
		defer end()
		// The engine removes a few at a time as fast as many, and the rest of the work does not wait for hundreds.
		select {
		case i.removals <- struct{}{}:
			defer func() { <-i.removals }()
		case <-ctx.Done():
			return
		}
		i.finishStop(ctx, in)
	})
}

// finishStop removes everything and writes stopped. What fails is tried again, by the reconciler if need be.
func (i *Instancer) finishStop(ctx context.Context, in *whaley.Instance) {
	began := time.Now()
	if in.StopCause == whaley.CauseLost || whaley.TookTooMuch(in.StopCause) {
		i.keepPrinted(ctx, in)
	}
	i.capture(ctx, in, in.StopCause)
	for backoff := (loop.Backoff{First: time.Second, Most: 30 * time.Second}); ; {
		err := i.remove(ctx, in)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		wait := backoff.Next()
		i.Log.ErrorContext(ctx, "instance not removed yet", "instance", in.ID, "err", err, "again_in", wait)
		if loop.Sleep(ctx, wait) != nil {
			return
		}
	}
	now := i.now()
	stopped, err := i.Store.Update(
		ctx, in.ID, []whaley.State{whaley.Stopping}, func(in *whaley.Instance) { in.State, in.EndedAt = whaley.Stopped, now },
		whaley.Event{},
	)
	if err != nil {
		i.Log.ErrorContext(
			ctx, "stopped instance could not be recorded, the reconciler goes on", "instance", in.ID, "err", err,
		)
		i.leftUndone()
		return
	}
	i.looks.forget(in.ID)
	i.done(whaley.OpStop, in, time.Since(began), nil)
	i.Log.InfoContext(ctx, "instance stopped", "instance", in.ID, "owner", in.Owner.ID, "cause", in.StopCause)
	i.changed(stopped)
}

// remove undoes all that a start makes, from the outside in. It can be repeated.
func (i *Instancer) remove(ctx context.Context, in *whaley.Instance) error {
	if err := i.Router.Retract(ctx, in.ID, i.publications(in)); err != nil {
		// The router makes its routes what they should be when it is back; a route to nothing does no harm until then.
		i.Log.WarnContext(ctx, "routes not retracted", "instance", in.ID, "err", err)
		i.leftUndone()
	}
	return i.Platform.Remove(ctx, in)
}
