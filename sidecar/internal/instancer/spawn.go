package instancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"go.opentelemetry.io/otel/trace"
)

// Spawn asks for an instance of a challenge and returns it as soon as it is queued, or wakes the owner's that sleeps.
// It refuses with CodeLiveInstance, CodeQuota, challenge_not_found, challenge_inactive, CodeNotBegun, CodeOver,
// CodePaused, CodeNotOpen, image_failed, or the reason of a failed spawn whose back-off is not over.
func (i *Instancer) Spawn(ctx context.Context, p whaley.Player, challenge string) (_ *whaley.Instance, err error) {
	defer func() { i.refused(p.Owner, whaley.OpSpawn, challenge, err) }()
	ch, err := i.open(p, challenge)
	if err != nil {
		return nil, err
	}
	in, err := i.queued(ctx, p, ch, i.quota(p))
	if whaley.CodeOf(err) == whaley.CodeLiveInstance {
		if woken, failed := i.rouseOwners(ctx, p, challenge); woken != nil || failed != nil {
			return woken, failed
		}
	}
	return in, err
}

// open is a challenge that a player may start now.
func (i *Instancer) open(p whaley.Player, challenge string) (*whaley.Challenge, error) {
	if !p.Known() {
		return nil, whaley.Errorf(whaley.Unauthorized, "player_unknown", "Sign in first.")
	}
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	if ch.Inactive && !whaley.Synthetic(p.Owner.ID) {
		return nil, whaley.Errorf(
			whaley.Conflict, "challenge_inactive",
			"This challenge is closed at the moment. The organisers open it when its time comes.",
		)
	}
	if why := i.Closed(p, ch); why != nil {
		return nil, why
	}
	if err := i.drained(); err != nil {
		return nil, err
	}
	return ch, nil
}

// queued writes the row of a spawn and puts it into the queue.
func (i *Instancer) queued(
	ctx context.Context, p whaley.Player, ch *whaley.Challenge, q whaley.Quota,
) (*whaley.Instance, error) {
	return i.queuedOn(ctx, p, ch, whaley.TermsOf(ch), q)
}

func (i *Instancer) queuedOn(
	ctx context.Context, p whaley.Player, ch *whaley.Challenge, terms whaley.Terms, q whaley.Quota,
) (*whaley.Instance, error) {
	if err := i.images.failure(ch); err != nil {
		return nil, err
	}
	ch = i.startable(ch)
	now := i.now()
	in := &whaley.Instance{
		ID:        newID(ch.ID, p.Owner.ID),
		Challenge: ch.ID,
		Revision:  ch.Revision,
		Owner:     p.Owner,
		Player:    p.ID,
		Slug:      whaley.Slug(i.opts.SlugKey, p.Owner.ID, ch.ID),
		Routes:    ch.Routes,
		Terms:     terms,
		State:     whaley.Queued,
		CreatedAt: now,
	}
	in.Memory, in.Expected = i.memory(ch)
	claimed, err := i.Store.InsertClaiming(ctx, in, i.wantedForms(ch, p.Owner), q, whaley.Event{
		Type: "instance_spawn", Instance: in.ID, Challenge: ch.ID, Owner: in.Owner.ID, Player: p.ID, At: now,
		Message: "Start requested",
	})
	if whaley.CodeOf(err) == whaley.CodeQuota {
		return nil, i.quotaUsed(ctx, p.Owner, q.PerOwner, err)
	}
	if err != nil {
		return nil, err
	}
	i.begin(ctx, whaley.OpSpawn, in)
	i.waiting.asked(ch.ID)
	if claimed != nil {
		i.takeClaimed(in, p.Address, claimed)
	} else {
		i.enqueue(in, p.Address)
	}
	i.changed(in)
	return in, nil
}

// takeClaimed starts what waited for its owner. All that takes long was done before, so it stands in no queue.
func (i *Instancer) takeClaimed(in *whaley.Instance, address string, claimed *whaley.Waiting) {
	i.start(in.ID, false, func(ctx context.Context) { // else this process ends, and the next goes on
		i.waiting.claiming.Add(1)
		defer i.waiting.look()
		defer i.waiting.claiming.Add(-1)
		ctx, from, end := i.resume(ctx, whaley.OpSpawn, in.ID)
		defer end()
		i.waited(in, from)
		i.spawn(ctx, in.ID, address, claimed)
	})
}

// quotaUsed is a refusal for an owner's quota that names what runs, so that one knows what to stop.
func (i *Instancer) quotaUsed(ctx context.Context, owner whaley.Owner, most int, refused error) error {
	live, err := i.Store.Live(ctx, owner.ID)
	if err != nil || len(live) == 0 {
		return refused
	}
	var all []string
	for _, in := range live[:min(len(live), mostNamed)] {
		name := cmp.Or(in.Terms.Name, in.Challenge)
		if left := in.ExpiresAt.Sub(i.now()); in.State.Timed() && left > 0 {
			name += fmt.Sprintf(" (%d min left)", int(math.Ceil(left.Minutes())))
		}
		all = append(all, name)
	}
	if more := len(live) - mostNamed; more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return whaley.Errorf(
		whaley.Exhausted, whaley.CodeQuota,
		"You're using all %d of your instances: %s. Stop one on the dashboard to start another.", most,
		strings.Join(all, ", "),
	)
}

// mostNamed is how many of an owner's instances a refusal names.
const mostNamed = 8

// quota bounds what a player may have: an owner who is not the player is a team.
func (i *Instancer) quota(p whaley.Player) whaley.Quota {
	policy := i.Policy()
	q := policy.Quota
	q.BackOff, q.PerMinute = true, policy.StartsPerMinute
	if p.InTeam() {
		q.PerOwner = policy.MaxPerTeam
	}
	return q
}

// spawnOnce is Spawn for any number of simultaneous askers of one host: one asks the store, all get its answer. It does
// not end with the request that happened to be first.
func (i *Instancer) spawnOnce(ctx context.Context, p whaley.Player, challenge string) error {
	result := i.spawns.DoChan(p.Owner.ID+"/"+challenge, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, err := i.Spawn(ctx, p, challenge)
		return nil, err
	})
	select {
	case r := <-result:
		if whaley.CodeOf(r.Err) == whaley.CodeLiveInstance {
			return nil
		}
		return r.Err
	case <-ctx.Done():
		return nil
	}
}

// enqueue puts an instance into the queue, once its images are there: whoever waits for a build takes no slot. address
// is where it was asked from, if that is known.
func (i *Instancer) enqueue(in *whaley.Instance, address string) {
	ch, loaded := i.Challenges.Get(in.Challenge)
	if !loaded || in.Sleep != nil || i.images.there(i.startable(ch), in.ID) {
		i.launch(i.queue.add(in, address))
	} else if !i.queue.holds(in.ID) { // else it finds out when its turn comes
		i.start(in.ID, false, func(ctx context.Context) { i.awaitImages(ctx, in, address) })
	}
}

func (i *Instancer) launch(ready []queued) {
	for _, w := range ready {
		learn := false
		release := func() { i.launch(i.queue.done(w.id, learn)) }
		_, started := i.start(w.id, false, func(ctx context.Context) {
			defer release()
			ctx, from, end := i.resume(ctx, whaley.OpSpawn, w.id)
			defer end()
			i.waited(w.in, from)
			from.leftQueue()
			began := time.Now()
			if learn = i.spawn(ctx, w.id, w.address, nil); learn {
				i.Costs.Started(w.in, time.Since(began))
			}
		})
		if !started {
			release() // stopped while it waited, or shutting down
			i.dropSpan(whaley.OpSpawn, w.id)
		}
	}
}

// spawn is the whole way from queued to running or failed, or back to wait for images. It says whether it was a start
// from its beginning to its end. What was claimed a moment ago waits to be told what it is, or to go on.
func (i *Instancer) spawn(ctx context.Context, id, address string, claimed *whaley.Waiting) bool {
	defer i.clearStage(id)
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		i.Log.ErrorContext(ctx, "spawn could not read its row, the reconciler goes on", "instance", id, "err", err)
		i.leftUndone()
		return false
	}
	switch in.State {
	case whaley.Queued, whaley.Starting:
	default:
		return false // another job got there first
	}
	if in.Sleep != nil {
		i.awaken(ctx, in)
		return false
	}
	began := time.Now()
	running, err := i.make(ctx, in, claimed)
	if err == nil {
		i.done(whaley.OpSpawn, in, i.now().Sub(in.CreatedAt), nil)
		i.changed(running)
		i.Log.InfoContext(
			ctx, "instance running", "instance", id, "challenge", in.Challenge, "owner", in.Owner.ID, "took", time.Since(began),
		)
		i.publish(ctx, running)
		return true
	}
	if errors.Is(err, errNotBuilt) {
		i.then(id, func() { i.enqueue(in, address) })
		return false
	}
	if whaley.CodeOf(err) == whaley.CodeStandby {
		i.leftUndone() // should this one be active again, it goes on
		return false
	}
	if context.Cause(ctx) != nil || errors.Is(err, errShutdown) || whaley.CodeOf(err) == whaley.CodeStateChanged {
		return false // stopped meanwhile, or shutting down: who stopped it, or the next start, goes on from the row
	}
	if now, err := i.Store.Get(ctx, in.ID); err == nil {
		in = now // with what was reserved since
	}
	i.fail(ctx, in, err)
	return true
}

// fail undoes what a spawn did and leaves the reason.
func (i *Instancer) fail(ctx context.Context, in *whaley.Instance, err error) {
	var reason *whaley.Error
	if !errors.As(err, &reason) {
		reason = whaley.Errorf(
			whaley.Internal, "spawn_failed",
			"The instance could not be started. Try again; if it keeps happening, tell an organiser.",
		).Because(err)
	}
	i.Log.ErrorContext(ctx, "spawn failed", "instance", in.ID, "challenge", in.Challenge, "owner", in.Owner.ID, "err", err)
	message := reason.Code + ": " + reason.Detail
	if last := i.keepPrinted(ctx, in); last != "" {
		message += " Last line: " + last
	}
	i.capture(ctx, in, "error")
	if err := i.remove(ctx, in); err != nil {
		i.Log.ErrorContext(
			ctx, "undo of a failed spawn is not complete, the reconciler goes on", "instance", in.ID, "err", err,
		)
		i.leftUndone()
	}
	reason = whaley.BackedOff(reason, in.Failures)
	now := i.now()
	i.done(whaley.OpSpawn, in, now.Sub(in.CreatedAt), reason)
	setSpanStatus(trace.SpanFromContext(ctx), reason)
	failed, err := i.Store.Update(ctx, in.ID, []whaley.State{whaley.Queued, whaley.Starting}, func(in *whaley.Instance) {
		in.State, in.Reason, in.EndedAt = whaley.Failed, reason, now
		in.Failures++
	}, whaley.Event{
		Type: "instance_spawn_failed", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player,
		Message: message, At: now,
	})
	if err != nil {
		i.Log.ErrorContext(ctx, "failed spawn could not be recorded, the reconciler goes on", "instance", in.ID, "err", err)
		i.leftUndone()
		return
	}
	i.changed(failed)
}
