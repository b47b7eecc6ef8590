package instancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	yieldToStarts = 2 * time.Second // how long making one ahead waits for starts that are under way
	waitingTime   = 2 * time.Minute // for one to be made or removed
)

// waitingLoop makes instances ahead of their owners, and removes those that are of no use any more.
func (i *Instancer) waitingLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := i.fillWaiting(ctx); err != nil && ctx.Err() == nil {
			i.Log.WarnContext(ctx, "what waits is not as it should be", "err", err, "again_in", waitingEvery)
		}
		if i.waiting.kick.Wait(ctx, waitingEvery) != nil {
			return nil
		}
	}
	return nil
}

// fillWaiting does one thing after the other until there is what should be. What fails is left for the next time, and
// holds up nothing else.
func (i *Instancer) fillWaiting(ctx context.Context) (failed error) {
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
		useless := slices.IndexFunc(all, func(w *whaley.Waiting) bool { return !left[w.ID] && !i.isWished(w, all, wishes) })
		next := missingWish(all, wishes)
		switch {
		case useless >= 0:
			if err := i.removeWaiting(ctx, all[useless]); err != nil {
				failed, left[all[useless].ID] = errors.Join(failed, err), true
			}
		case next != nil:
			i.yield(ctx)
			if err := i.makeWaiting(ctx, *next); err != nil {
				return errors.Join(failed, err)
			}
		default:
			return failed
		}
	}
	return failed
}

// wish is how many of one challenge should wait.
type wish struct {
	ch    *whaley.Challenge
	build *build // nil: it is not known yet what would be made, so what there is stays
	form  string
	count int
	made  bool // one that is missing is made now
}

// wishes are what should wait: each challenge has one before any has two, and of these what is asked for most.
func (i *Instancer) wishes(ctx context.Context) ([]wish, error) {
	policy := i.Policy()
	if policy.Waiting == 0 || i.drained() != nil {
		return nil, nil
	}
	live, err := i.Store.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []wish
	for _, loaded := range i.Challenges.All() {
		ch := i.startable(loaded)
		b := i.images.built(ch)
		if loaded.Inactive || b != nil && i.canWait(ch, b) != nil {
			continue
		}
		if b == nil {
			all = append(all, wish{ch: ch})
			continue
		}
		all = append(all, wish{
			ch: ch, build: b, form: formOf(ch, b, i.Inside.Authority()), count: min(i.waiting.demand(ch.ID), policy.Waiting),
			made: i.DiskShort() == nil && !i.waiting.leftAlone(ch.ID),
		})
	}
	slices.SortStableFunc(all, func(a, b wish) int { return cmp.Compare(b.count, a.count) })
	waitingRoom(policy, live).share(all)
	return all, nil
}

// makeWaiting makes one ahead. An error is about its row; what the platform cannot make is left alone for a while.
func (i *Instancer) makeWaiting(ctx context.Context, of wish) error {
	ctx, cancel := context.WithTimeout(ctx, waitingTime)
	defer cancel()
	w := &whaley.Waiting{
		ID: newWaitingID(of.ch.ID), Challenge: of.ch.ID, Revision: of.ch.Revision, Form: of.form, State: whaley.WaitingMaking,
		Services: len(of.ch.Services), Egress: of.ch.Egress,
	}
	if err := i.Store.AddWaiting(ctx, w); err != nil {
		return err
	}
	err := i.Platform.Prepare(ctx, w.Instance(), i.planAhead(w.Instance(), of.ch, of.build), Steps{
		Placed: func(ctx context.Context, p Location) (*whaley.Instance, error) {
			w.Subnet, w.Networks, w.Addresses, w.Ports = p.Subnet, p.Networks, p.Addresses, p.Ports
			moved, err := i.Store.MoveWaiting(ctx, w, whaley.WaitingMaking)
			if err == nil && !moved {
				err = whaley.Errorf(whaley.Conflict, whaley.CodeStateChanged, "%s waits no more.", w.ID)
			}
			return w.Instance(), err
		},
		Step: i.step,
	})
	if err != nil {
		if ctx.Err() == nil {
			i.waiting.leave(of.ch.ID)
			i.Log.WarnContext(ctx, "instance not made ahead", "instance", w.ID, "challenge", w.Challenge, "err", err)
		}
		return nil // what there is of it is removed as what is half made
	}
	i.waiting.made(w, of.build)
	_, err = i.Store.MoveWaiting(ctx, w, whaley.WaitingReady)
	return err
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

// yield lets starts go first, for a while.
func (i *Instancer) yield(ctx context.Context) {
	for deadline := time.Now().Add(yieldToStarts); time.Now().Before(deadline); {
		if i.queue.idle() && i.waiting.claiming.Load() == 0 || loop.Sleep(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}
