package instancer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// errTakenAway ends a start whose challenge is not loaded any more.
var errTakenAway = whaley.Errorf(whaley.NotFound, "challenge_not_found", "The challenge was taken away meanwhile.")

// make does every step of a spawn in an order that can stop anywhere: rows first, then the engine. It builds nothing: a
// start whose images are not there waits for them elsewhere.
func (i *Instancer) make(
	ctx context.Context, in *whaley.Instance, claimed *whaley.Waiting,
) (*whaley.Instance, error) {
	timeout := i.Policy().StartTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, startTimeout(timeout, ""))
	defer cancel()
	ch, ok := i.Challenges.Get(in.Challenge)
	if !ok {
		return nil, errTakenAway
	}
	ch = i.startable(ch)
	built := i.images.built(ch)
	if built == nil {
		return nil, errNotBuilt
	}
	asked := time.Now()
	err := i.makeOrClaim(ctx, in, ch, built, claimed)
	if err != nil {
		if whaley.CodeOf(err) == whaley.CodeObjectMissing {
			i.images.forget(ch) // somebody removed the image: the next start builds it
		}
		return nil, timedOut(ctx, err)
	}
	i.awaitFlag(ctx, in, ch, asked)
	now := i.now()
	return i.Store.Update(ctx, in.ID, []whaley.State{whaley.Starting}, func(in *whaley.Instance) {
		in.State, in.StartedAt, in.ExpiresAt, in.Failures = whaley.Running, now, now.Add(in.Terms.Timeout), 0
	}, whaley.Event{
		Type: "instance_running", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player, At: now,
		Message: "running after " + now.Sub(in.CreatedAt).Round(time.Millisecond).String(),
	})
}

// makeOrClaim has an instance run: from what waited for its owner, or, where there is none or it is of no use, from
// what is left.
func (i *Instancer) makeOrClaim(
	ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, b *build, claimed *whaley.Waiting,
) error {
	if claimed != nil && claimed.Warm && in.Revision == ch.Revision {
		err := i.goOn(ctx, in, ch)
		if err == nil || ctx.Err() != nil {
			return err
		}
		i.Log.WarnContext(ctx, "what was warm is of no use, starting without", "instance", in.ID, "err", err)
	}
	placing, err := i.placing(ctx, in, ch, b)
	if err != nil {
		return err
	}
	i.setStage(in, "Setting up the network")
	plan, steps := i.plan(in, ch, placing), i.steps(in, ch)
	if claimed != nil && !claimed.Warm && !plan.Anew && in.Revision == ch.Revision {
		err := i.Platform.Claim(ctx, in, plan, steps)
		code := whaley.CodeOf(err)
		if err == nil || ctx.Err() != nil || code != "" && code != whaley.CodeObjectMissing {
			return err
		}
		i.Log.WarnContext(ctx, "what waited is of no use, starting without", "instance", in.ID, "err", err)
	}
	return i.Platform.Start(ctx, in, plan, steps)
}

// timedOut prefers the reason why a context ended to the error of the call that noticed.
func timedOut(ctx context.Context, err error) error {
	code := whaley.CodeOf(err)
	if ctx.Err() != nil && code != whaley.CodeStartTimeout && code != whaley.CodeHostFull {
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return err // which may say more of the same
}

// plan is what an instance consists of.
func (i *Instancer) plan(in *whaley.Instance, ch *whaley.Challenge, p placing) Plan {
	return Plan{
		Challenge: ch, Flags: p.own, Anew: p.images != nil,
		Labels: Labels{
			Instance: in.ID, Challenge: ch.ID, Owner: in.Owner.ID, Revision: ch.Revision,
			CreatedAt: in.CreatedAt, ExpiresAt: in.CreatedAt.Add(in.Terms.Timeout),
		},
		Services: func(in *whaley.Instance) ([]PlannedService, error) {
			vars, err := i.variables(in, ch, p.own)
			if err != nil {
				return nil, err
			}
			all := make([]PlannedService, len(ch.Services))
			for n, s := range ch.Services {
				s = expand(s, vars)
				if authority := i.Inside.Authority(); authority != "" && ch.Services[n].Uses(whaley.AuthorityVariable) {
					s.Mounts = append(s.Mounts, whaley.Mount{Source: authority, Target: whaley.AuthorityFile, ReadOnly: true})
				}
				all[n] = p.planned(s)
			}
			return all, nil
		},
	}
}

// steps are what the rules do while an instance is made: they write where it is, and start its services.
func (i *Instancer) steps(in *whaley.Instance, ch *whaley.Challenge) Steps {
	return Steps{
		Placed: func(ctx context.Context, p Location) (*whaley.Instance, error) {
			return i.Store.Update(ctx, in.ID, []whaley.State{whaley.Queued, whaley.Starting}, func(in *whaley.Instance) {
				in.State = whaley.Starting
				in.Subnet, in.Networks, in.Addresses, in.Ports = p.Subnet, p.Networks, p.Addresses, p.Ports
				in.Egress = ch.Egress
				in.Revision, in.Routes, in.Terms = ch.Revision, ch.Routes, whaley.TermsOf(ch).Keeping(in.Terms)
			}, whaley.Event{})
		},
		Run: func(ctx context.Context, in *whaley.Instance, made []Made) error {
			return i.startAll(ctx, in, ch, made)
		},
		Full: func(ctx context.Context) { i.makeRoom(ctx, in) },
		Step: i.step,
	}
}

// variables are what a compose file may interpolate, and nothing else.
func (i *Instancer) variables(in *whaley.Instance, ch *whaley.Challenge, flags []string) (*strings.Replacer, error) {
	relay, err := i.relaySettings(in, ch)
	if err != nil {
		return nil, fmt.Errorf("what the relay of %s is told: %w", in.ID, err)
	}
	pairs := []string{
		whaley.Token("INSTANCE_ID"), in.ID, whaley.Token(whaley.RelayVariable), relay, whaley.Token(whaley.AuthorityVariable),
		whaley.AuthorityFile,
	}
	for n, form := range ch.Flag.Forms() {
		for _, name := range form.Variables() {
			flag := ""
			if flags != nil {
				flag = flags[n]
			}
			pairs = append(pairs, whaley.Token(name), flag)
		}
	}
	for n, r := range ch.Routes {
		host := i.Host(ch.ID, r, in.Owner.ID)
		for _, name := range whaley.HostVariables(ch.Routes, n) {
			pairs = append(pairs, whaley.Token(name), host)
		}
		for _, name := range whaley.URLVariables(ch.Routes, n) {
			pairs = append(pairs, whaley.Token(name), i.Inside.URL(host))
		}
	}
	for internal, host := range in.Ports {
		pairs = append(pairs, whaley.Token("PORT_"+strconv.Itoa(internal)), strconv.Itoa(host))
	}
	values := i.secrets(ch)
	for _, name := range ch.Variables { // last: of two of one name Whaley's own counts
		pairs = append(pairs, whaley.Token(name), values[name]) // one that was removed since is empty
	}
	return strings.NewReplacer(pairs...), nil
}

// secrets are the organisers' variables of a challenge.
func (i *Instancer) secrets(ch *whaley.Challenge) map[string]string {
	if i.Variables == nil || len(ch.Variables) == 0 {
		return nil
	}
	return i.Variables.Values(cmp.Or(ch.Of, ch.ID))
}

// withoutSecrets is what a container printed, without the values of the organisers' variables.
func (i *Instancer) withoutSecrets(challenge, text string) string {
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return text
	}
	for name, value := range i.secrets(ch) {
		if value != "" {
			text = strings.ReplaceAll(text, value, "($"+name+")")
		}
	}
	return text
}

func expand(s whaley.Service, vars *strings.Replacer) whaley.Service {
	s.Command = expandAll(s.Command, vars)
	s.Entrypoint = expandAll(s.Entrypoint, vars)
	s.Environment = expandAll(s.Environment, vars)
	s.Mounts = slices.Clone(s.Mounts)
	for n := range s.Mounts {
		s.Mounts[n].Text = vars.Replace(s.Mounts[n].Text)
	}
	if s.Relay {
		s.Joins = slices.Clone(s.Joins)
		for n := range s.Joins {
			s.Joins[n].Aliases = expandAll(s.Joins[n].Aliases, vars)
		}
	}
	if s.Health != nil {
		s.Health = &whaley.Health{Test: expandAll(s.Health.Test, vars), Timeout: s.Health.Timeout}
	}
	return s
}

func expandAll(texts []string, vars *strings.Replacer) []string {
	if texts == nil {
		return nil // means the image's own, unlike an empty list
	}
	expanded := make([]string, len(texts))
	for n, t := range texts {
		expanded[n] = vars.Replace(t)
	}
	return expanded
}
