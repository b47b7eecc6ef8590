package instancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"golang.org/x/sync/errgroup"
)

// subnetTries is how many subnets a spawn tries before it gives up: others on this host may use parts of the pool.
const subnetTries = 5

// errTakenAway ends a start whose challenge is not loaded any more.
var errTakenAway = whaley.Errorf(whaley.NotFound, "challenge_not_found", "The challenge was taken away meanwhile.")

// portTries is how many sets of ports it tries: somebody else may listen on one since it was reserved.
const portTries = 3

// make does every step of a spawn in an order that can stop anywhere: rows first, then the engine. It builds nothing: a
// start whose images are not there waits for them elsewhere.
func (i *Instancer) make(ctx context.Context, in *whaley.Instance) (*whaley.Instance, error) {
	timeout := i.Policy().StartTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, startTimeout(timeout, ""))
	defer cancel()
	ch, ok := i.Challenges.Get(in.Challenge)
	if !ok {
		return nil, errTakenAway
	}
	built := i.images.built(ch)
	if built == nil {
		return nil, errNotBuilt
	}
	asked := time.Now()
	placing, err := i.placing(ctx, in, ch, built)
	if err != nil {
		return nil, timedOut(ctx, err)
	}
	in, old, err := i.takeUp(ctx, in, ch)
	if err != nil {
		return nil, timedOut(ctx, err)
	}
	i.setStage(in, "Setting up the network")
	pooled := len(old.networks) == 0
	for try := 1; ; try++ {
		var sb *whaley.Sandbox
		was := in.Parts()
		if in, sb, err = i.reserve(ctx, in, ch, pooled); err != nil {
			return nil, timedOut(ctx, err)
		}
		if old.any() && !slices.Equal(was, in.Parts()) {
			if err := i.leave(ctx, in, was); err != nil {
				return nil, timedOut(ctx, err)
			}
			old = leftovers{}
		}
		for _, subnet := range in.Outside() {
			if err := i.Firewall.Allow(ctx, subnet); err != nil {
				return nil, timedOut(ctx, err)
			}
		}
		lost := false
		if sb == nil {
			err = i.assemble(ctx, in, ch, nil, placing, old)
		} else {
			lost, err = i.inSandbox(ctx, in, func(ctx context.Context) error { return i.assemble(ctx, in, ch, sb, placing, old) })
		}
		old = leftovers{} // another try begins with nothing
		if sb != nil && (lost || whaley.CodeOf(err) == whaley.CodeObjectMissing || whaley.CodeOf(err) == "") && err != nil && ctx.Err() == nil {
			i.Log.WarnContext(ctx, "sandbox is of no use, going on without", "instance", in.ID, "sandbox", sb.ID, "err", err)
			if in, err = i.unplace(ctx, in); err != nil {
				return nil, err
			}
			if err := i.Sandboxes.Discard(ctx, in.ID); err != nil {
				return nil, err
			}
			pooled = false
			continue
		}
		if whaley.CodeOf(err) == whaley.CodePortTaken && try < portTries {
			i.Log.WarnContext(ctx, "port is taken, trying others", "instance", in.ID, "ports", in.Ports, "err", err)
			if err := errors.Join(i.clear(ctx, in), i.Ports.Release(ctx, in.ID)); err != nil {
				return nil, err
			}
			continue
		}
		if whaley.CodeOf(err) == whaley.CodeSubnetTaken && try < subnetTries {
			i.Log.WarnContext(ctx, "subnet is taken, trying another", "instance", in.ID, "subnet", in.Subnet, "err", err)
			taken := in.Parts() // which of several it was is not known
			if in, err = i.unplace(ctx, in); err != nil {
				return nil, err
			}
			for _, p := range taken {
				if err := i.Subnets.Avoid(ctx, in.ID, p.Subnet); err != nil {
					return nil, err
				}
			}
			continue
		}
		if whaley.CodeOf(err) == whaley.CodeObjectMissing {
			i.images.forget(ch) // somebody removed the image: the next spawn builds it
		}
		if err != nil {
			return nil, timedOut(ctx, err)
		}
		break
	}
	i.awaitFlag(ctx, in, ch, asked)
	now := i.now()
	return i.Store.Update(ctx, in.ID, i.opts.Worker, []whaley.State{whaley.Starting}, func(in *whaley.Instance) {
		in.State, in.StartedAt, in.ExpiresAt, in.Failures = whaley.Running, now, now.Add(ch.Timeout), 0
	}, whaley.Event{
		Type: "instance_running", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player, At: now,
		Message: "running after " + now.Sub(in.CreatedAt).Round(time.Millisecond).String(),
	})
}

// timedOut prefers the reason why a context ended to the error of the call that noticed.
func timedOut(ctx context.Context, err error) error {
	if ctx.Err() != nil && whaley.CodeOf(err) != whaley.CodeStartTimeout {
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return err // which may say more of the same
}

// reserve fixes the subnet, the addresses and the ports and writes them into the row before anything uses them.
func (i *Instancer) reserve(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, pooled bool) (_ *whaley.Instance, _ *whaley.Sandbox, err error) {
	ctx, end := i.step(ctx, "reserve")
	defer func() { end(err) }()
	internal, err := i.internalPorts(ch)
	if err != nil {
		return nil, nil, err
	}
	parts, sb, err := i.place(ctx, in, ch, pooled)
	if err != nil {
		return nil, nil, err
	}
	var ports map[int]int
	if len(internal) > 0 {
		if ports, err = i.Ports.Reserve(ctx, in.ID, in.Owner.ID, ch.ID, internal); err != nil {
			return nil, nil, err
		}
	}
	planned := &whaley.Instance{ID: in.ID, Subnet: parts[0].Subnet}
	if len(parts) > 1 || parts[0].Name != "" {
		planned.Networks = parts
	}
	addresses := make(map[string]netip.Addr, len(ch.Services))
	for _, s := range ch.Services {
		addresses[s.Name] = planned.Address(ch, s.Name)
	}
	in, err = i.Store.Update(ctx, in.ID, i.opts.Worker, []whaley.State{whaley.Queued, whaley.Starting}, func(in *whaley.Instance) {
		in.State, in.Addresses, in.Ports = whaley.Starting, addresses, ports
		in.Subnet, in.Networks = planned.Subnet, planned.Networks
		in.Egress = ch.Egress
		in.Revision, in.Routes, in.Terms = ch.Revision, ch.Routes, whaley.TermsOf(ch)
	}, whaley.Event{})
	return in, sb, err
}

// place is a ready sandbox if the pool has one, else subnets where everything is to be made.
func (i *Instancer) place(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, pooled bool) ([]whaley.Part, *whaley.Sandbox, error) {
	if shape, fits := i.shape(ch); fits && pooled {
		sb, err := i.Sandboxes.Take(ctx, in.ID, shape)
		if err != nil {
			return nil, nil, err
		}
		if sb != nil {
			return []whaley.Part{{Subnet: sb.Subnet}}, sb, nil
		}
	}
	parts, err := i.reserveParts(ctx, in.ID, ch)
	return parts, nil, err
}

// unplace undoes what was made of an instance and takes its networks out of the row, before anybody else gets them.
func (i *Instancer) unplace(ctx context.Context, in *whaley.Instance) (*whaley.Instance, error) {
	if err := i.clear(ctx, in); err != nil {
		return nil, err
	}
	for _, p := range in.Parts() {
		if err := i.Firewall.Forbid(ctx, p.Subnet); err != nil {
			return nil, err
		}
	}
	return i.Store.Update(ctx, in.ID, i.opts.Worker, []whaley.State{whaley.Starting}, func(in *whaley.Instance) {
		in.Subnet, in.Networks, in.Addresses = netip.Prefix{}, nil, nil
	}, whaley.Event{})
}

// assemble makes network, volumes and containers, but for those that are there, and starts these in the order of their
// dependencies.
func (i *Instancer) assemble(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, sb *whaley.Sandbox, p placing, old leftovers) error {
	labels := Labels{
		Instance: in.ID, Challenge: ch.ID, Owner: in.Owner.ID, Revision: ch.Revision,
		CreatedAt: in.CreatedAt, ExpiresAt: in.CreatedAt.Add(ch.Timeout),
	}
	// A call that the engine has begun is waited for even if the spawn is given up: what it makes must be there when
	// whoever gave it up looks for what to remove. The engine's adapter bounds each call.
	whole := context.WithoutCancel(ctx)
	volumes := make(map[string]string, len(ch.Volumes))
	for _, v := range ch.Volumes {
		volumes[v] = in.ID + "_" + v
		if err := i.Engine.CreateVolume(whole, volumes[v], labels); err != nil {
			return err
		}
	}
	vars, err := i.variables(in, ch, p.own)
	if err != nil {
		return err
	}
	ids := make([]string, len(ch.Services))
	whole, end := i.step(whole, "network and containers")
	var g errgroup.Group
	for _, p := range in.Parts() {
		if sb == nil && !old.networks[in.EngineNetwork(p.Name)] {
			g.Go(func() error { return i.Engine.CreateNetwork(whole, i.networkSpec(in, ch, p, labels)) })
		}
	}
	for n, s := range ch.Services {
		if ids[n] = old.containers[s.Name]; ids[n] != "" {
			continue
		}
		first := in.Endpoints(expand(s, vars), n)[0]
		g.Go(func() (err error) {
			labels := labels
			labels.Service = s.Name
			spec := ContainerSpec{
				Name: in.ID + "-" + s.Name, Service: expand(s, vars), Network: first.Network, Address: first.Address,
				Aliases: first.Aliases, Publish: i.hostPorts(in, ch, s.Name, false), UDP: i.hostPorts(in, ch, s.Name, true), Volumes: volumes, Egress: ch.Egress, Labels: labels,
			}
			if sb != nil {
				spec.Join = sb.Holder(s.Name)
			}
			if s.Relay {
				spec.Join = ""
			}
			if s.Shares != "" {
				spec.Join = in.ID + "-" + s.Shares
			}
			if authority := i.Inside.Authority(); authority != "" && s.Uses(whaley.AuthorityVariable) {
				spec.Service.Mounts = append(slices.Clone(spec.Service.Mounts), whaley.Mount{Source: authority, Target: whaley.AuthorityFile, ReadOnly: true})
			}
			ids[n], err = i.create(whole, ch, spec, p)
			return err
		})
	}
	err = g.Wait()
	if err == nil {
		err = i.connect(whole, in, ch, ids, vars, old)
	}
	if end(err); err != nil {
		return err
	}
	return i.startAll(ctx, in, ch, ids, vars)
}

// connect puts the services that are on several networks onto the further ones, which are there by now.
func (i *Instancer) connect(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, ids []string, vars *strings.Replacer, old leftovers) error {
	var g errgroup.Group
	for n, s := range ch.Services {
		if old.containers[s.Name] != "" {
			continue
		}
		for _, e := range in.Endpoints(expand(s, vars), n)[1:] {
			g.Go(func() error { return i.Engine.ConnectContainer(ctx, ids[n], e) })
		}
	}
	return g.Wait()
}

// hostPorts are the ports of a service, of TCP or UDP, that get a host port.
func (i *Instancer) hostPorts(in *whaley.Instance, ch *whaley.Challenge, service string, udp bool) map[int]int {
	ports := map[int]int{}
	for _, r := range ch.Routes {
		if !i.published(r) || r.UDP != udp {
			continue
		}
		if home, _ := ch.Home(r.Service); home.Name == service {
			ports[r.Port] = in.Ports[r.Port]
		}
	}
	return ports
}

// variables are what a compose file may interpolate, and nothing else.
func (i *Instancer) variables(in *whaley.Instance, ch *whaley.Challenge, flags []string) (*strings.Replacer, error) {
	relay, err := i.relaySettings(in, ch)
	if err != nil {
		return nil, fmt.Errorf("what the relay of %s is told: %w", in.ID, err)
	}
	pairs := []string{whaley.Token("INSTANCE_ID"), in.ID, whaley.Token(whaley.RelayVariable), relay, whaley.Token(whaley.AuthorityVariable), whaley.AuthorityFile}
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
	return i.Variables.Values(ch.ID)
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
