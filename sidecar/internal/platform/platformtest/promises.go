package platformtest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func (c *contract) placedFirst() {
	in := c.row()
	c.must("start", c.start(in, c.startAll))
	for _, s := range c.ch.Services {
		if !in.Addresses[s.Name].IsValid() {
			c.Errorf("%s has no address", s.Name)
		}
	}
	if in.Ports[9000] == 0 || in.Ports[8080] != 0 {
		c.Errorf("ports %v, of one route of type port to 9000", in.Ports)
	}
	if held := c.reserved(); !slices.Equal(held, []string{in.ID}) {
		c.Errorf("reserved for %q", held)
	}
	if theirs := c.list(c.Foreign, ""); len(theirs) > 0 {
		c.Errorf("another deployment sees %+v", theirs)
	}
}

func (c *contract) oneByOne() {
	in := c.row()
	c.must("start", c.start(in, func(made []instancer.Made) error {
		if len(made) != 2 || made[0].Service.Name != "web" || made[1].Service.Name != "db" ||
			made[0].Address != in.Addresses["web"] {
			c.Errorf("made %+v", made)
		}
		for _, o := range c.list(c.Ours, in.ID) {
			if o.Running || o.Ended {
				c.Errorf("%s runs or has ended before it is started", o.Name)
			}
		}
		for range 2 {
			c.must("start of db", c.Ours.StartService(c.ctx, made[1].ID))
		}
		for _, o := range c.list(c.Ours, in.ID) {
			if o.Kind == "container" && o.Running != (o.ID == made[1].ID) {
				c.Errorf("after the start of db alone: %+v", o)
			}
		}
		return c.startAll(made)
	}))
	if ids, run := c.services(in); len(ids) != 2 || !run {
		c.Errorf("services %v, all of which run: %v", ids, run)
	}
}

// errCut is how a start ends that is cut short.
var errCut = errors.New("cut short")

func (c *contract) goesOn() {
	in := c.row()
	if err := c.start(in, func(made []instancer.Made) error { return errors.Join(c.startAll(made), errCut) }); !errors.Is(
		err, errCut,
	) {
		c.Fatalf("a start that is cut short: %v", err)
	}
	before, _ := c.services(in)
	if len(before) != 2 { // it gave up what it had: then there is nothing to go on with
		c.Fatalf("of a start that was cut short is left %v", before)
	}
	c.must("start", c.start(in, c.startAll))
	if after, run := c.services(in); !maps.Equal(before, after) || !run {
		c.Errorf("services %v became %v, all of which run: %v", before, after, run)
	}
}

func (c *contract) beginsAnew() {
	in := c.row()
	_ = c.start(in, func(made []instancer.Made) error {
		return errors.Join(c.startAll(made), c.Ours.StopService(c.ctx, made[1].ID, 0), errCut)
	})
	before, _ := c.services(in)
	c.must("start", c.start(in, c.startAll))
	after, run := c.services(in)
	if len(after) != 2 || !run {
		c.Errorf("services %v, all of which run: %v", after, run)
	}
	for name, id := range after {
		if before[name] == id {
			c.Errorf("%s is the old one", name)
		}
	}
}

func (c *contract) ends() {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	exits := c.Ours.Exits(ctx)
	in := c.row()
	c.must("start", c.start(in, func(made []instancer.Made) error {
		c.must("start", c.Ours.StartService(c.ctx, made[0].ID))
		c.must("stop", c.Ours.StopService(c.ctx, made[0].ID, 0))
		if _, err := c.Ours.Wait(c.ctx, made[0].ID); err != nil {
			c.Errorf("wait: %v", err)
		}
		for {
			select {
			case exit := <-exits:
				if exit.Instance == "" {
					continue
				}
				if exit.Instance != in.ID {
					c.Errorf("told of %+v", exit)
				}
				return nil
			case <-c.ctx.Done():
				c.Error("not told of the end")
				return nil
			}
		}
	}))
	ids, _ := c.services(in)
	c.must("remove", c.Ours.Remove(c.ctx, in))
	if err := c.Ours.StartService(c.ctx, ids["web"]); whaley.CodeOf(err) != whaley.CodeObjectMissing {
		c.Errorf("a start of what is gone: %v", err)
	}
}

func (c *contract) tidies() {
	lives, gone := c.row(), c.row()
	c.must("start", c.start(lives, c.startAll))
	c.must("start", c.start(gone, c.startAll))
	live := func(context.Context) ([]*whaley.Instance, error) { return []*whaley.Instance{lives}, nil }
	c.must("tidy", c.Ours.Tidy(c.ctx, []string{gone.ID}, live))
	if left := c.list(c.Ours, gone.ID); len(left) > 0 {
		c.Errorf("of what no row asks for is left %+v", left)
	}
	if held := c.reserved(); !slices.Equal(held, []string{lives.ID}) {
		c.Errorf("reserved for %q", held)
	}
	if ids, run := c.services(lives); len(ids) != 2 || !run {
		c.Errorf("what lives has %v, all of which run: %v", ids, run)
	}
	c.must("another deployment tidies", c.Foreign.Tidy(c.ctx, []string{lives.ID}, live))
	if ids, _ := c.services(lives); len(ids) != 2 {
		c.Errorf("another deployment removed ours: %v", ids)
	}
}
