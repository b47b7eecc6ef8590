package flag

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	batch       = 32                     // entries of the outbox that are read at a time
	atOnce      = 4                      // calls under way; players use the same CTFd
	idle        = 500 * time.Millisecond // between looks for what is due again
	callTimeout = 20 * time.Second       // of one entry
	outageLong  = 20 * time.Second       // between tries while CTFd is down, at most
	retryFirst  = 5 * time.Second        // after CTFd refused a flag; doubles
	retryLong   = 10 * time.Minute
)

// registerLoop empties the outbox, entry by entry in its order.
func (f *Flags) registerLoop(ctx context.Context) error {
	outage := loop.Backoff{First: time.Second, Most: outageLong}
	for {
		tried, done, err := f.deliver(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case done == 0 && err != nil:
			if !outage.Failed() {
				f.log.Warn("flags cannot be registered in ctfd now", "err", err)
			}
			f.down.Store(true)
			f.live.notify()
			if loop.Sleep(ctx, outage.Next()) != nil { // whatever is put into the outbox meanwhile does not make CTFd answer
				return nil
			}
			continue
		case done > 0 && outage.Failed():
			f.log.Info("flags are registered in ctfd again")
			if err := f.store.TryRegistrationsNow(ctx); err != nil {
				f.log.Warn("flags not registered in ctfd yet, to be retried", "err", err)
			}
			outage.Reset()
			f.down.Store(false)
		}
		if tried > 0 {
			continue
		}
		_ = f.kick.Wait(ctx, idle)
	}
}

// deliver makes one try at what is due, and says how many entries that were and how many of them are done with. After
// an error it tries no more: that one is a reason to believe that CTFd is down, unless others got through.
func (f *Flags) deliver(ctx context.Context) (tried, done int, err error) {
	due, err := f.store.DueRegistrations(ctx, batch)
	if err != nil || len(due) == 0 {
		return 0, 0, err
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	var through atomic.Int64
	var failed atomic.Bool
	for _, r := range due {
		if failed.Load() || ctx.Err() != nil {
			break
		}
		tried++
		g.Go(func() error {
			err := f.try(ctx, r)
			if err != nil {
				failed.Store(true)
				return err
			}
			through.Add(1)
			return nil
		})
	}
	err = g.Wait()
	if tried > 0 {
		f.live.notify()
	}
	return tried, int(through.Load()), err
}

// try brings one flag into CTFd or out of it and writes what came of it.
func (f *Flags) try(ctx context.Context, was whaley.Registration) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	now := was
	var err error
	if was.State == whaley.RegistrationRemoving {
		err = f.remove(call, was)
		now.State, now.CTFdFlag = whaley.RegistrationRemoved, 0
	} else {
		now.CTFdFlag, err = f.add(call, was)
		now.State = whaley.RegistrationLive
	}
	now.ChangedAt = time.Now().UTC()
	now.Tries, now.Reason = 0, ""
	if err == nil {
		return f.settle(ctx, was, now, 0, whaley.Event{})
	}
	if ctx.Err() != nil {
		return err // the end: the entry stays as it is
	}
	now.State, now.CTFdFlag, now.Tries, now.Reason = was.State, was.CTFdFlag, was.Tries+1, whaley.ReasonOf(err)
	if !whaley.Refused(err) {
		return errors.Join(
			err, f.store.Registered(ctx, was, now, loop.Doubled(time.Second, outageLong, was.Tries), whaley.Event{}),
		)
	}
	var ev whaley.Event
	if was.State == whaley.RegistrationPending {
		now.State = whaley.RegistrationFailed
		ev = whaley.Event{
			Type: "flag_registration_failed", Challenge: was.Challenge, Owner: was.Owner, Message: now.Reason, At: now.ChangedAt,
		}
		f.log.Error(
			"ctfd refuses a flag", "challenge", was.Challenge, "ctfd_challenge", was.CTFdChallenge, "owner", was.Owner, "err",
			err,
		)
	}
	return f.settle(ctx, was, now, loop.Doubled(retryFirst, retryLong, was.Tries), ev)
}

// settle writes what came of a try, and tells of it.
func (f *Flags) settle(ctx context.Context, was, now whaley.Registration, again time.Duration, ev whaley.Event) error {
	err := f.store.Registered(ctx, was, now, again, ev)
	if err == nil && was.State != now.State {
		f.told(was.Owner)
	}
	return err
}

// add makes sure that CTFd has a flag and returns its row there. CTFd takes the same flag twice, so it is asked first,
// and asked for exactly this one: its database may compare without case.
func (f *Flags) add(ctx context.Context, r whaley.Registration) (int, error) {
	there, err := f.ctfd.Flags(ctx, r.CTFdChallenge, r.Value)
	if err != nil {
		return 0, err
	}
	owner := f.ownerOf(r)
	for _, row := range there {
		if ours(row, r, owner) {
			return row.ID, f.replaced(ctx, there, r, owner)
		}
	}
	if err := f.confirmed(ctx, r); err != nil {
		return 0, err
	}
	stored, err := f.ctfd.AddFlag(ctx, r.CTFdChallenge, r.Value, owner)
	if err != nil {
		f.known.forget() // of a challenge that was just deleted CTFd says that it is broken itself
		return 0, err
	}
	if !ours(stored, r, owner) {
		return 0, errors.Join(
			refusal(
				"CTFd stored another flag than it was given. FLAG_PREFIX or the challenge's placeholder has something that it changes.",
			),
			f.ctfd.RemoveFlag(ctx, stored.ID),
		)
	}
	return stored.ID, f.replaced(ctx, there, r, owner)
}

// confirmed refuses a flag for a challenge of CTFd that is gone, or is called otherwise than when it was mapped: its
// number may be another's now, and a flag there would give points for it. CTFd also breaks on a flag for a challenge
// that is not there, and an answer like that counts as an outage.
func (f *Flags) confirmed(ctx context.Context, r whaley.Registration) error {
	m, err := f.store.Mapping(ctx, r.Challenge)
	if err != nil {
		return err
	}
	was := ""
	if m != nil && m.CTFdChallenge == r.CTFdChallenge {
		was = m.CTFdName
	}
	name, there, err := f.known.name(ctx, f.ctfd, r.CTFdChallenge, was)
	switch {
	case err != nil:
		return err
	case !there:
		return refusal("CTFd has no challenge %d any more. Map %s to another one.", r.CTFdChallenge, r.Challenge)
	case was != "" && !whaley.SameName(name, was):
		return refusal(
			"CTFd's challenge %d was %q when %s was mapped to it, and is %q now. Map it again if it is the same.",
			r.CTFdChallenge, was, r.Challenge, name,
		)
	}
	return nil
}

// remove makes sure that CTFd has a flag no more, however often it is there.
func (f *Flags) remove(ctx context.Context, r whaley.Registration) error {
	there, err := f.ctfd.Flags(ctx, r.CTFdChallenge, r.Value)
	if err != nil {
		return err
	}
	for _, row := range there {
		if row.Content != r.Value {
			continue
		}
		if err := f.ctfd.RemoveFlag(ctx, row.ID); err != nil {
			return err
		}
	}
	return nil
}

func refusal(format string, args ...any) error {
	return whaley.Errorf(whaley.Conflict, "flag_refused", format, args...)
}
