package platformtest

import (
	"maps"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// waitable has the challenge of the contract be one that can wait, until what it returns is called.
func (c *contract) waitable() (again func()) {
	before := *c.ch
	if c.Ours.CanWait(c.plan(&whaley.Instance{})) == nil {
		c.Error("what has ports of the host can be prepared, and these are an owner's")
	}
	c.ch.Routes, c.ch.Services = c.ch.Routes[:1], slices.Clone(c.ch.Services)
	for n := range c.ch.Services {
		c.ch.Services[n].Init = false
	}
	c.must("waiting", c.Ours.CanWait(c.plan(&whaley.Instance{})))
	return func() { *c.ch = before }
}

// prepare makes an instance ahead.
func (c *contract) prepare() *whaley.Instance {
	c.Helper()
	in := c.row()
	c.must("prepare", c.Ours.Prepare(c.ctx, in, c.plan(in), c.steps(in, nil)))
	for _, o := range c.list(c.Ours, in.ID) {
		if o.Kind == "container" && (!o.Waiting || o.Running || o.Ended) {
			c.Errorf("it was prepared, and is %+v", o)
		}
	}
	if held := c.reserved(); !slices.Contains(held, in.ID) {
		c.Errorf("reserved for %q", held)
	}
	return in
}

func (c *contract) waits() {
	defer c.waitable()()
	in := c.prepare()
	before, run := c.services(in)
	if len(before) != 2 || run {
		c.Fatalf("before it is claimed its services are %v, all of which run: %v", before, run)
	}
	in.State = whaley.Starting
	c.must("claim", c.Ours.Claim(c.ctx, in, c.plan(in), c.steps(in, func(made []instancer.Made) error {
		if len(made) != 2 || made[0].ID != before["web"] || made[0].Address != in.Addresses["web"] {
			c.Errorf("claimed %+v of %v", made, before)
		}
		for range 2 {
			c.must("start of web", c.Ours.StartService(c.ctx, made[0].ID))
		}
		for _, o := range c.list(c.Ours, in.ID) {
			if o.Kind == "container" && o.Running != (o.ID == made[0].ID) {
				c.Errorf("after the start of web alone: %+v", o)
			}
		}
		return c.startAll(made)
	})))
	if after, run := c.services(in); !maps.Equal(before, after) || !run {
		c.Errorf("services %v became %v, all of which run: %v", before, after, run)
	}
	if err := c.Ours.Claim(c.ctx, in, c.plan(in), c.steps(in, c.startAll)); err == nil {
		c.Error("it was claimed twice")
	}
	ids, _ := c.services(in) // one that ends is started again as what it is
	c.must("stop", c.Ours.StopService(c.ctx, ids["web"], 0))
	c.must("start again", c.Ours.StartService(c.ctx, ids["web"]))
	if again, run := c.services(in); !maps.Equal(ids, again) || !run {
		c.Errorf("services %v became %v, all of which run: %v", ids, again, run)
	}
}

func (c *contract) goesOnWithWaiting() {
	defer c.waitable()()
	in := c.prepare()
	in.State = whaley.Starting
	c.must("start", c.start(in, c.startAll))
	if ids, run := c.services(in); len(ids) != 2 || !run {
		c.Errorf("services %v, all of which run: %v", ids, run)
	}
}

func (c *contract) unclaimed() {
	defer c.waitable()()
	gone, left := c.prepare(), c.prepare()
	c.must("remove", c.Ours.Remove(c.ctx, gone))
	if there := c.list(c.Ours, gone.ID); len(there) > 0 {
		c.Errorf("there is still %+v", there)
	}
	if ids, run := c.services(left); len(ids) != 2 || run {
		c.Errorf("of another are left %v, all of which run: %v", ids, run)
	}
}
