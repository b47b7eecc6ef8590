package flag

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// verifyLoop looks at intervals whether CTFd still has what it was given, and at once where a player's own flag was
// not accepted.
func (f *Flags) verifyLoop(ctx context.Context) error {
	next, sample := time.Now().Add(f.opts.VerifyEvery), time.Now().Add(f.opts.SampleEvery)
	first := true
	for {
		if err := f.lookOwned(ctx, &first); err != nil && ctx.Err() == nil {
			f.log.Debug("ctfd does not say what types of flags it knows", "err", err)
		}
		if !time.Now().Before(sample) {
			sample = time.Now().Add(f.opts.SampleEvery)
			if err := f.sample(ctx); err != nil && ctx.Err() == nil {
				f.log.Debug("flags in ctfd could not be looked for", "err", err)
			}
		}
		timer := time.NewTimer(min(time.Until(next), time.Until(sample), ownedLook))
		var one []int
		select {
		case <-timer.C:
			if time.Now().Before(next) {
				continue
			}
			next = time.Now().Add(f.opts.VerifyEvery)
		case id := <-f.recheck:
			one = []int{id}
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
		ask := f.ctfd.SampleFlags
		if len(one) > 0 {
			ask = f.ctfd.Flags
		}
		if err := f.verifyAll(ctx, ask, one...); err != nil && ctx.Err() == nil {
			f.log.Warn("flags in ctfd could not be compared", "err", err)
		}
	}
}

// Recheck has a challenge of CTFd that may lack a flag compared soon.
func (f *Flags) Recheck(ctfdChallenge int) {
	select {
	case f.recheck <- ctfdChallenge:
	default: // so many that the next comparison of all is near
	}
}

// Verify compares some challenges of CTFd, or with none named all that are mapped, with what they should hold. What is
// missing goes back into the outbox, what should not be there any more is removed.
func (f *Flags) Verify(ctx context.Context, challenges ...int) error {
	return f.verifyAll(ctx, f.ctfd.Flags, challenges...)
}

// reader asks CTFd for the flags of a challenge.
type reader func(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error)

func (f *Flags) verifyAll(ctx context.Context, ask reader, challenges ...int) error {
	if len(challenges) == 0 {
		all, err := f.store.Mappings(ctx)
		if err != nil {
			return err
		}
		for _, m := range all {
			challenges = append(challenges, m.CTFdChallenge)
		}
	}
	slices.Sort(challenges)
	for _, id := range slices.Compact(challenges) {
		if err := f.verify(ctx, id, ask); err != nil {
			return err
		}
		if err := f.verifyDoubted(ctx); err != nil {
			return err
		}
	}
	return nil
}

// verifyDoubted compares what somebody asked for meanwhile: it does not wait for all others.
func (f *Flags) verifyDoubted(ctx context.Context) error {
	for {
		select {
		case id := <-f.recheck:
			if err := f.verify(ctx, id, f.ctfd.Flags); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (f *Flags) verify(ctx context.Context, challenge int, ask reader) error {
	// Before CTFd is asked: what becomes live afterwards is not in the answer.
	wanted, err := f.store.RegistrationsIn(ctx, challenge)
	if err != nil || len(wanted) == 0 {
		return err
	}
	rows, err := ask(ctx, challenge, "")
	if err != nil {
		return err
	}
	content := map[string][]whaley.ScoreboardFlag{}
	for _, row := range rows {
		content[row.Content] = append(content[row.Content], row)
	}
	repaired := 0
	for _, was := range wanted {
		owner := f.ownerOf(was)
		there := slices.ContainsFunc(
			content[was.Value], func(row whaley.ScoreboardFlag) bool { return ours(row, was, owner) },
		)
		now := was
		now.Tries, now.ChangedAt = 0, time.Now().UTC()
		var ev whaley.Event
		switch {
		case was.State == whaley.RegistrationLive && !there:
			now.State, now.CTFdFlag, now.Reason = whaley.RegistrationPending, 0, "It was removed or changed in CTFd."
			ev = whaley.Event{
				Type: "flag_missing", Challenge: was.Challenge, Owner: was.Owner, At: now.ChangedAt,
				Message: "removed or changed in CTFd; it is registered again",
			}
		case was.State == whaley.RegistrationRemoved && len(content[was.Value]) > 0:
			now.State, now.Reason = whaley.RegistrationRemoving, "It was in CTFd again."
		default:
			continue
		}
		repaired++
		if err := f.store.Registered(ctx, was, now, 0, ev); err != nil {
			return err
		}
	}
	if repaired > 0 {
		f.known.forget() // flags go with their challenge, and its number may be another's now
		f.log.Warn("flags in ctfd differed and were repaired", "ctfd_challenge", challenge, "flags", repaired)
		f.kick.Send()
	}
	return nil
}

// knownChallenges is which challenges CTFd has under which names, remembered for a short time.
type knownChallenges struct {
	mu    sync.Mutex
	names map[int]string
	read  time.Time
}

const knownFor = 10 * time.Second

// name is what CTFd calls a challenge. What is remembered is asked again for one that is not there or is called
// otherwise than it was.
func (k *knownChallenges) name(
	ctx context.Context, ctfd CTFd, id int, was string,
) (name string, there bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, there = k.names[id]
	if age := time.Since(k.read); age < knownFor && there && name == was || age < knownFor/10 {
		return name, there, nil
	}
	all, err := ctfd.Challenges(ctx)
	if err != nil {
		return "", false, err
	}
	k.names, k.read = map[int]string{}, time.Now()
	for _, ch := range all {
		k.names[ch.ID] = ch.Name
	}
	name, there = k.names[id]
	return name, there, nil
}

// forget has the next question asked of CTFd.
func (k *knownChallenges) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names, k.read = nil, time.Time{}
}
