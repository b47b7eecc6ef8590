// Package memory is a platform that runs nothing: no networks, no containers, only what the rules see of them. It
// passes the same contract as the one on an engine (platformtest.Contract).
package memory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Host is what outlives the processes that use it.
type Host struct {
	mu       sync.Mutex
	number   int
	services map[string]*service           // id →
	having   map[string][]*service         // deployment/instance → its services, as they were made
	places   map[string]instancer.Location // deployment/instance
	images   map[string]instancer.BuildSpec
	watchers map[chan instancer.Exit]string // → deployment
	traffic  map[string]whaley.Traffic      // instance → what it has; none: nothing came in
}

// NewHost makes an empty one.
func NewHost() *Host {
	return &Host{
		services: map[string]*service{}, having: map[string][]*service{},
		places: map[string]instancer.Location{}, images: map[string]instancer.BuildSpec{},
		watchers: map[chan instancer.Exit]string{}, traffic: map[string]whaley.Traffic{},
	}
}

// Platform is the host as one deployment sees it. It is its own prober, too.
type Platform struct {
	host       *Host
	deployment string
}

var (
	_ instancer.Platform = (*Platform)(nil)
	_ instancer.Prober   = (*Platform)(nil)
)

// Platform is the host for one deployment.
func (h *Host) Platform(deployment string) *Platform { return &Platform{h, deployment} }

func (p *Platform) lock() func() {
	p.host.mu.Lock()
	return p.host.mu.Unlock
}

// Start makes an instance's services; see instancer.Platform.
func (p *Platform) Start(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	if in.State != whaley.Starting || !p.goesOn(in, plan) {
		if err := p.Remove(ctx, in); err != nil {
			return err
		}
	}
	in, err := steps.Placed(ctx, p.place(in, plan.Challenge))
	if err != nil {
		return err
	}
	planned, err := plan.Services(in)
	if err != nil {
		return err
	}
	made := make([]instancer.Made, len(planned))
	for n, s := range planned {
		id, err := p.create(in, plan, s.Service)
		if err != nil {
			return err
		}
		made[n] = instancer.Made{Service: s.Service, ID: id, Address: in.Addresses[s.Name]}
	}
	return steps.Run(ctx, in, made)
}

// CanWait says that all instances can be prepared but those with ports of the host.
func (p *Platform) CanWait(plan instancer.Plan) error {
	if slices.ContainsFunc(plan.Challenge.Routes, func(r whaley.Route) bool { return r.Type == whaley.RoutePort }) {
		return errors.New("its ports of the host are its owner's")
	}
	return nil
}

// Places are as many as anybody wants.
func (p *Platform) Places() int { return 0 }

// InPlace is true: there is one place.
func (p *Platform) InPlace(*whaley.Instance) bool { return true }

// Prepare makes an instance's services, none of which runs yet; see instancer.Platform.
func (p *Platform) Prepare(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	if plan.Warm {
		return p.Start(ctx, in, plan, steps)
	}
	steps.Run = func(_ context.Context, in *whaley.Instance, _ []instancer.Made) error {
		defer p.lock()()
		for _, s := range p.of(in.ID) {
			s.Waiting = true
		}
		return nil
	}
	return p.Start(ctx, in, plan, steps)
}

// Claim has what was prepared run; see instancer.Platform.
func (p *Platform) Claim(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	planned, err := plan.Services(in)
	if err != nil {
		return err
	}
	made := make([]instancer.Made, len(planned))
	unlock := p.lock()
	for n, s := range planned {
		for _, there := range p.of(in.ID) {
			if there.Labels.Service == s.Name && (there.Waiting || plan.Warm && there.Running) {
				there.spec = s.Service
				made[n] = instancer.Made{Service: s.Service, ID: there.ID, Address: in.Addresses[s.Name]}
			}
		}
	}
	unlock()
	if plan.Warm {
		made = slices.DeleteFunc(made, func(m instancer.Made) bool { return m.ID == "" })
	}
	if slices.ContainsFunc(made, func(m instancer.Made) bool { return m.ID == "" }) {
		return fmt.Errorf("claim %s: not all of it waits", in.ID)
	}
	return steps.Run(ctx, in, made)
}

// goesOn says whether what an earlier life made of an instance is of use: all of it is of this revision, and nothing
// has ended.
func (p *Platform) goesOn(in *whaley.Instance, plan instancer.Plan) bool {
	defer p.lock()()
	return in.Revision == plan.Challenge.Revision &&
		!slices.ContainsFunc(p.of(in.ID), func(s *service) bool { return s.Ended })
}

// place gives an instance addresses and ports of its own, the same ones when asked again.
func (p *Platform) place(in *whaley.Instance, ch *whaley.Challenge) instancer.Location {
	defer p.lock()()
	key := p.deployment + "/" + in.ID
	if at, placed := p.host.places[key]; placed {
		return at
	}
	at := instancer.Location{Addresses: map[string]netip.Addr{}, Ports: map[int]int{}}
	for _, s := range ch.Services {
		p.host.number++
		n := p.host.number
		at.Addresses[s.Name] = netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	for _, r := range ch.Routes {
		if r.Type == whaley.RoutePort && at.Ports[r.Port] == 0 {
			p.host.number++
			at.Ports[r.Port] = 20000 + p.host.number
		}
	}
	p.host.places[key] = at
	return at
}

// create makes a service unless it runs already.
func (p *Platform) create(in *whaley.Instance, plan instancer.Plan, s whaley.Service) (string, error) {
	defer p.lock()()
	if _, there := p.host.images[s.Image]; !there {
		return "", missing()
	}
	for _, old := range p.of(in.ID) {
		if old.Labels.Service == s.Name && old.Running {
			return old.ID, nil
		}
		if old.Labels.Service == s.Name {
			p.drop(old)
		}
	}
	p.host.number++
	labels := plan.Labels
	labels.Service = s.Name
	id := "service-" + strconv.Itoa(p.host.number)
	made := &service{
		Object:     instancer.Object{Kind: "container", ID: id, Name: in.ID + "-" + s.Name, Labels: labels},
		deployment: p.deployment, spec: s, ended: make(chan struct{}),
	}
	p.host.services[id] = made
	p.host.having[made.owner()] = append(p.host.having[made.owner()], made)
	return id, nil
}

// of are the services of an instance, or (empty) of all.
func (p *Platform) of(instance string) (all []*service) {
	if instance != "" {
		return slices.Clone(p.host.having[p.deployment+"/"+instance])
	}
	for _, s := range p.host.services {
		if s.deployment == p.deployment {
			all = append(all, s)
		}
	}
	return all
}

// Remove removes an instance's services and its place.
func (p *Platform) Remove(_ context.Context, in *whaley.Instance) error {
	defer p.lock()()
	for _, s := range p.of(in.ID) {
		p.drop(s)
	}
	delete(p.host.places, p.deployment+"/"+in.ID)
	return nil
}

// List returns this deployment's services.
func (p *Platform) List(_ context.Context, instance string) ([]instancer.Object, error) {
	defer p.lock()()
	var all []instancer.Object
	for _, s := range p.of(instance) {
		all = append(all, s.Object)
	}
	return all, nil
}

// Reserved are the instances that have a place.
func (p *Platform) Reserved(context.Context) ([]string, error) {
	defer p.lock()()
	var all []string
	for key := range p.host.places {
		if len(key) > len(p.deployment) && key[:len(p.deployment)+1] == p.deployment+"/" {
			all = append(all, key[len(p.deployment)+1:])
		}
	}
	return all, nil
}

// Tidy removes what no row asks for.
func (p *Platform) Tidy(
	ctx context.Context, orphans []string, _ func(context.Context) ([]*whaley.Instance, error),
) error {
	for _, id := range orphans {
		if err := p.Remove(ctx, &whaley.Instance{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// Exits reports this deployment's services that end.
func (p *Platform) Exits(ctx context.Context) <-chan instancer.Exit {
	defer p.lock()()
	exits, waiting := make(chan instancer.Exit), make(chan instancer.Exit, 1<<10)
	p.host.watchers[waiting] = p.deployment
	go func() {
		defer close(exits)
		for {
			select {
			case exit := <-waiting:
				select {
				case exits <- exit:
				case <-ctx.Done():
				}
			case <-ctx.Done():
				defer p.lock()()
				delete(p.host.watchers, waiting)
				return
			}
		}
	}()
	return exits
}

// Disk is empty: what runs nothing writes nothing.
func (p *Platform) Disk(context.Context, int64) (whaley.Disk, error) { return whaley.Disk{}, nil }

// open says whether a service would answer: from the time after its start that its environment says with OPENS=1s on.
func (s *service) open() bool {
	text, late := s.environment("OPENS")
	if !late {
		return s.Running
	}
	after, err := time.ParseDuration(text)
	return s.Running && err == nil && time.Since(s.started) >= after
}
