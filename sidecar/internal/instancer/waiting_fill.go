package instancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	yieldToStarts = 2 * time.Second // how long making one ahead waits for starts that are under way
	waitingTime   = 2 * time.Minute // for one to be made or removed
	endTime       = 10 * time.Second
)

// waitingLoop makes instances ahead of their owners, and removes those that are of no use any more. What is warm has
// one of its own: until it runs may take long.
func (i *Instancer) waitingLoop(ctx context.Context, warm bool) error {
	kick := i.waiting.kick
	if warm {
		kick = i.waiting.kickWarm
	}
	for ctx.Err() == nil {
		if err := i.fillWaiting(ctx, warm); err != nil && ctx.Err() == nil {
			i.Log.WarnContext(ctx, "what waits is not as it should be", "err", err, "again_in", waitingEvery)
		}
		if kick.Wait(ctx, waitingEvery) != nil {
			return nil
		}
	}
	return nil
}

// fillWaiting does one thing after the other until there is what should be. What fails is left for the next time, and
// holds up nothing else.
func (i *Instancer) fillWaiting(ctx context.Context, warm bool) (failed error) {
	left := map[string]bool{} // what could not be removed
	for ctx.Err() == nil {
		all, err := i.Store.Waiting(ctx)
		if err != nil {
			return errors.Join(failed, err)
		}
		wishes, err := i.wishes(ctx)
		if err != nil {
			return errors.Join(failed, err)
		}
		i.countWaiting(all)
		all = slices.DeleteFunc(all, func(w *whaley.Waiting) bool { return w.Warm != warm })
		wishes = slices.DeleteFunc(wishes, func(of wish) bool { return of.warm != warm })
		useless := slices.IndexFunc(all, func(w *whaley.Waiting) bool { return !left[w.ID] && !i.isWished(w, all, wishes) })
		next := missingWish(all, wishes)
		switch {
		case useless >= 0:
			if err := i.removeWaiting(ctx, all[useless]); err != nil {
				failed, left[all[useless].ID] = errors.Join(failed, err), true
			}
		case next != nil:
			i.yield(ctx)
			if err := i.makeAhead(ctx, *next); err != nil {
				return errors.Join(failed, err)
			}
		default:
			return failed
		}
	}
	return failed
}

// makeAhead makes one ahead. An error is about its row; what the platform cannot make is left alone for a while.
func (i *Instancer) makeAhead(ctx context.Context, of wish) error {
	w := &whaley.Waiting{
		ID: newWaitingID(of.ch.ID), Challenge: of.ch.ID, Revision: of.ch.Revision, Form: of.form, State: whaley.WaitingMaking,
		Services: len(of.ch.Services), Egress: of.ch.Egress, Warm: of.warm,
	}
	if of.warm && of.ch.Flag.Dynamic {
		w.Flags = i.Flags.Spare(of.ch)
	}
	if err := i.Store.AddWaiting(ctx, w); err != nil {
		return err
	}
	prepare := i.prepareGated
	if of.warm {
		prepare = i.prepareWarm
	}
	if err := prepare(ctx, w, of); err != nil {
		if ctx.Err() == nil {
			i.waiting.leave(of.form)
			i.Log.WarnContext(ctx, "instance not made ahead", "instance", w.ID, "challenge", w.Challenge, "err", err)
		}
		return nil // what there is of it is removed as what is half made
	}
	i.waiting.made(w, of.build)
	_, err := i.Store.MoveWaiting(ctx, w, whaley.WaitingReady)
	return err
}

func (i *Instancer) prepareGated(ctx context.Context, w *whaley.Waiting, of wish) error {
	ctx, cancel := context.WithTimeout(ctx, waitingTime)
	defer cancel()
	return i.Platform.Prepare(ctx, w.Instance(), i.planAhead(w.Instance(), of.ch, of.build), i.stepsAhead(w))
}

// stepsAhead write where one is that is made ahead.
func (i *Instancer) stepsAhead(w *whaley.Waiting) Steps {
	return Steps{
		Placed: func(ctx context.Context, p Location) (*whaley.Instance, error) {
			w.Subnet, w.Networks, w.Addresses, w.Ports = p.Subnet, p.Networks, p.Addresses, p.Ports
			moved, err := i.Store.MoveWaiting(ctx, w, whaley.WaitingMaking)
			if err == nil && !moved {
				err = whaley.Errorf(whaley.Conflict, whaley.CodeStateChanged, "%s waits no more.", w.ID)
			}
			return w.Instance(), err
		},
		Step: i.step,
	}
}

// removeWaiting removes one, unless an owner claims it first.
func (i *Instancer) removeWaiting(ctx context.Context, w *whaley.Waiting) error {
	ctx, cancel := context.WithTimeout(ctx, waitingTime)
	defer cancel()
	if w.State != whaley.WaitingGone {
		if moved, err := i.Store.MoveWaiting(ctx, w, whaley.WaitingGone); err != nil || !moved {
			return err
		}
	}
	i.waiting.forget(w.ID)
	if err := i.Platform.Remove(ctx, w.Instance()); err != nil {
		return fmt.Errorf("remove %s, which waited: %w", w.ID, err)
	}
	return i.Store.DropWaiting(ctx, w.ID)
}

// endAhead leaves nothing behind that was made ahead where no instance lives. Where one does, the next life begins with
// it.
func (i *Instancer) endAhead() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	live, err := i.Store.Live(ctx, "")
	if err != nil || len(live) > 0 {
		return
	}
	all, err := i.Store.Waiting(ctx)
	if err != nil {
		return
	}
	var g errgroup.Group
	for _, w := range all {
		g.Go(func() error { return i.removeWaiting(ctx, w) })
	}
	if err := g.Wait(); err != nil {
		i.Log.Warn("what was made ahead is not all removed, the next start goes on", "err", err)
	}
}

// yield lets starts go first, for a while.
func (i *Instancer) yield(ctx context.Context) {
	for deadline := time.Now().Add(yieldToStarts); time.Now().Before(deadline); {
		if i.queue.idle() && i.waiting.claiming.Load() == 0 || loop.Sleep(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}
