// Package platformtest is what every platform must do: what an event's instances run on is nothing the rules can see.
package platformtest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Host is a platform as two deployments see it, with a build of what its services run: EXIT=n in their environment ends
// them at once with that code.
type Host struct {
	Ours, Foreign instancer.Platform
	Build         whaley.Build
}

// Contract holds a platform to what instancer.Platform promises.
func Contract(t *testing.T, host Host) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // for a busy machine
	defer cancel()
	c := &contract{T: t, Host: host, ctx: ctx, ch: challenge(host.Build), rows: map[string]*whaley.Instance{}}
	for n := range c.ch.Services {
		spec := instancer.BuildSpec{Challenge: c.ch, Service: &c.ch.Services[n]}
		c.must("build", host.Ours.BuildImage(ctx, spec, io.Discard))
	}
	t.Cleanup(func() {
		none := func(string, string, string) bool { return false }
		c.must("images removed", host.Ours.RemoveImages(context.Background(), none))
	})
	for name, holds := range map[string]func(){
		"a place is written before anything is made there":  c.placedFirst,
		"services are started one by one":                   c.oneByOne,
		"a start goes on with what an earlier life made":    c.goesOn,
		"what has ended is not gone on with":                c.beginsAnew,
		"ends are told of":                                  c.ends,
		"what no row asks for is removed, and nothing else": c.tidies,
		"what was prepared waits until it is claimed":       c.waits,
		"a start goes on with what was prepared":            c.goesOnWithWaiting,
		"what was prepared and not claimed is removed":      c.unclaimed,
		"what sleeps is woken as it was":                    c.sleeps,
		"what runs ahead of its owner goes on as it is":     c.runsAhead,
		"a shell ends with its instance":                    c.shells,
	} {
		t.Run(name, func(t *testing.T) {
			c.T = t
			defer c.nothingLeft()
			holds()
		})
	}
}

type contract struct {
	*testing.T
	Host
	ctx    context.Context
	ch     *whaley.Challenge
	rows   map[string]*whaley.Instance
	number int
}

func challenge(build whaley.Build) *whaley.Challenge {
	ch := &whaley.Challenge{ID: "contract", Revision: "1", Timeout: time.Hour, Volumes: []string{"data"},
		Routes: []whaley.Route{
			{Service: "web", Port: 8080, Type: whaley.RouteHTTP},
			{Service: "web", Name: "nc", Port: 9000, Type: whaley.RoutePort},
		}}
	for _, name := range []string{"web", "db"} {
		ch.Services = append(
			ch.Services,
			whaley.Service{Name: name, Image: fmt.Sprintf("whaley/contract-%s:%d", name, time.Now().UnixNano()), Build: &build,
				Init: true, Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 32}},
		)
	}
	return ch
}

func (c *contract) must(what string, err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}

// row is a new instance's.
func (c *contract) row() *whaley.Instance {
	c.number++
	in := &whaley.Instance{
		ID: fmt.Sprintf("contract-o-%08d", c.number), Challenge: c.ch.ID, Revision: c.ch.Revision,
		Owner: whaley.Owner{ID: "o"}, State: whaley.Queued, CreatedAt: time.Now(), Routes: c.ch.Routes,
		Terms: whaley.TermsOf(c.ch),
	}
	c.rows[in.ID] = in
	return in
}

// start asks for an instance, and has run what is made.
func (c *contract) start(in *whaley.Instance, run func(made []instancer.Made) error) error {
	return c.Ours.Start(c.ctx, in, c.plan(in), c.steps(in, run))
}

func (c *contract) plan(in *whaley.Instance) instancer.Plan {
	return instancer.Plan{
		Challenge: c.ch,
		Labels: instancer.Labels{
			Instance: in.ID, Challenge: c.ch.ID, Owner: "o", Revision: c.ch.Revision, CreatedAt: in.CreatedAt,
			ExpiresAt: in.CreatedAt.Add(time.Hour),
		},
		Services: func(*whaley.Instance) (all []instancer.PlannedService, err error) {
			for _, s := range c.ch.Services {
				all = append(all, instancer.PlannedService{Service: s})
			}
			return all, nil
		},
	}
}

func (c *contract) steps(in *whaley.Instance, run func(made []instancer.Made) error) instancer.Steps {
	return instancer.Steps{
		Placed: func(_ context.Context, at instancer.Location) (*whaley.Instance, error) {
			in.State = whaley.Starting
			in.Subnet, in.Networks, in.Addresses, in.Ports = at.Subnet, at.Networks, at.Addresses, at.Ports
			if in.Addresses != nil && in.Version == 0 {
				in.Version++
				if there := c.list(c.Ours, in.ID); len(there) > 0 {
					c.Errorf("before its place was written there was %+v", there)
				}
			}
			row := *in
			return &row, nil
		},
		Run:  func(_ context.Context, _ *whaley.Instance, made []instancer.Made) error { return run(made) },
		Step: func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} },
	}
}

// startAll starts all services.
func (c *contract) startAll(made []instancer.Made) error {
	for _, m := range made {
		if err := c.Ours.StartService(c.ctx, m.ID); err != nil {
			return err
		}
	}
	return nil
}

func (c *contract) list(p instancer.Platform, instance string) []instancer.Object {
	c.Helper()
	all, err := p.List(c.ctx, instance)
	c.must("list", err)
	return all
}

// services are the ids of those of an instance that are there, by name, and whether all of them run.
func (c *contract) services(in *whaley.Instance) (ids map[string]string, run bool) {
	c.Helper()
	ids, run = map[string]string{}, true
	for _, o := range c.list(c.Ours, in.ID) {
		if o.Labels.Instance != in.ID || o.Kind != "files" && (o.Labels.Owner != "o" || o.Labels.Challenge != c.ch.ID) {
			c.Errorf("labels of %+v", o)
		}
		if o.Kind == "container" {
			ids[o.Labels.Service], run = o.ID, run && o.Running
		}
	}
	return ids, run
}

// nothingLeft removes what a part of the contract has started, twice, and fails if anything is left.
func (c *contract) nothingLeft() {
	c.Helper()
	for range 2 {
		for _, in := range c.rows {
			c.must("remove", c.Ours.Remove(c.ctx, in))
		}
	}
	c.rows = map[string]*whaley.Instance{}
	if left := c.list(c.Ours, ""); len(left) > 0 {
		c.Errorf("there is still %+v", left)
	}
	if held := c.reserved(); len(held) > 0 {
		c.Errorf("something is still reserved for %q", held)
	}
}

func (c *contract) reserved() []string {
	c.Helper()
	held, err := c.Ours.Reserved(c.ctx)
	c.must("reserved", err)
	slices.Sort(held)
	return held
}
