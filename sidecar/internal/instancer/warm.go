package instancer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// slowly is how long a start takes of which instances are started ahead, where the challenge leaves that to Whaley.
	slowly = time.Second
	// goesOnWithin is how long what was halted may take to answer again before it is looked at as any start is.
	goesOnWithin = 5 * time.Second
)

// warmForm is the form of those that are started ahead. What organisers set for a challenge is in them already.
func (i *Instancer) warmForm(ch *whaley.Challenge, b *build) string {
	values, err := json.Marshal(i.secrets(ch))
	if err != nil {
		return "" // a map of texts always can be
	}
	sum := hmac.New(sha256.New, i.opts.SlugKey) // nobody finds out the values by it
	fmt.Fprintf(sum, "warm %s %s", formOf(ch, b, i.Inside.Authority()), values)
	return hex.EncodeToString(sum.Sum(nil))
}

// warmWanted is how many of a challenge should be started ahead. Of one that leaves it to Whaley and was never started
// one is, by which it is known how long that takes.
func (i *Instancer) warmWanted(ch *whaley.Challenge) int {
	if ch.Warm == 0 || ch.OwnersOnly() != "" || ch.Flag.Dynamic && i.Flags == nil ||
		i.Platform.CanWait(Plan{Challenge: ch, Warm: true}) != nil {
		return 0
	}
	if ch.Warm != whaley.WarmAuto {
		return ch.Warm
	}
	switch pace := i.queue.seen(ch.ID); {
	case pace == 0:
		return 1
	case pace < slowly:
		return 0
	}
	return i.waiting.demand(ch.ID)
}

// prepareWarm starts one ahead, with flags that nobody owns yet.
func (i *Instancer) prepareWarm(ctx context.Context, w *whaley.Waiting, of wish) error {
	in := w.Instance()
	defer i.clearStage(w.ID)
	p := placing{flags: of.build.flags}
	for _, f := range w.Flags {
		p.own = append(p.own, f.Value)
	}
	if p.own != nil {
		p.digits, _ = of.ch.Flag.AllDigits(p.own)
	}
	if of.build.needed(of.ch, p.own) {
		in.Owner.ID = w.ID // whose images they are, until it has an owner
		err := i.images.buildOwn(ctx, of.build, in, of.ch, p.own, func(string, *turn) {})
		if err == nil {
			p.images, err = i.images.owned(in, of.ch)
		}
		if in.Owner.ID = ""; err != nil {
			return err
		}
		p.flags = nil
	}
	timeout := i.Policy().StartTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, startTimeout(timeout, ""))
	defer cancel()
	plan, steps := i.plan(in, of.ch, p), i.stepsAhead(w)
	plan.Warm, plan.Labels.CreatedAt = true, i.now()
	steps.Run = func(ctx context.Context, in *whaley.Instance, made []Made) error {
		return i.startAll(ctx, in, of.ch, made)
	}
	began := time.Now()
	if err := i.Platform.Prepare(ctx, in, plan, steps); err != nil {
		return timedOut(ctx, err)
	}
	i.queue.learn(of.ch.ID, time.Since(began))
	return nil
}

// goOn has an instance go on that was started ahead and has become its owner's, with its flags.
func (i *Instancer) goOn(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge) error {
	flags, err := i.flags(ctx, in, ch)
	if err != nil {
		return err
	}
	plan, steps := i.plan(in, ch, placing{own: flags}), i.steps(in, ch)
	plan.Warm = true
	steps.Run = func(ctx context.Context, in *whaley.Instance, made []Made) error {
		return i.proceed(ctx, in, ch, made)
	}
	return i.Platform.Claim(ctx, in, plan, steps)
}

// proceed starts services that were ready before they were halted, and returns when their routes answer again.
func (i *Instancer) proceed(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, made []Made) error {
	i.setStage(in, "Starting services")
	there := func(service string) bool {
		return slices.ContainsFunc(made, func(m Made) bool { return m.Service.Name == service })
	}
	for service := range in.Addresses {
		if essential(in, service) && !there(service) {
			return errors.New(service + " has ended")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, goesOnWithin)
	defer cancel()
	all, every := errgroup.WithContext(ctx)
	for _, m := range made {
		all.Go(func() error { return i.Platform.StartService(every, m.ID) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	all, every = errgroup.WithContext(ctx)
	for _, m := range made {
		u := &unit{service: m.Service, id: m.ID, address: m.Address, health: i.images.health(ch, m.Service)}
		for _, r := range in.Routes {
			if r.Service == m.Service.Name {
				all.Go(func() error { return i.untilAnswers(every, u, r) })
			}
		}
	}
	return all.Wait()
}

// settleWarm gives up what is ready and has lost a container that it needs. Of what is of another revision nothing is
// known, and it is replaced.
func (i *Instancer) settleWarm(ctx context.Context, w *whaley.Waiting, objects []Object) {
	loaded, ok := i.Challenges.Get(w.Challenge)
	if !ok || w.State != whaley.WaitingReady {
		return
	}
	ch := i.startable(loaded)
	if ch.Revision != w.Revision {
		return
	}
	in := w.Instance()
	in.Routes, in.Terms = ch.Routes, whaley.TermsOf(ch)
	if missing(in, objects, nil) != "" {
		i.giveUp(ctx, w)
	}
}
