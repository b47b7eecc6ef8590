package platformtest

import (
	"maps"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// warm makes an instance that runs ahead of its owner.
func (c *contract) warm() (*whaley.Instance, instancer.Plan) {
	c.Helper()
	in := c.row()
	plan := c.plan(in)
	plan.Warm = true
	c.must("prepare", c.Ours.Prepare(c.ctx, in, plan, c.steps(in, c.startAll)))
	if ids, run := c.services(in); len(ids) != 2 || !run {
		c.Errorf("ahead of its owner it has %v, all of which run: %v", ids, run)
	}
	return in, plan
}

func (c *contract) runsAhead() {
	defer c.waitable()()
	in, plan := c.warm()
	before, _ := c.services(in)
	in.State = whaley.Starting
	c.must("claim", c.Ours.Claim(c.ctx, in, plan, c.steps(in, func(made []instancer.Made) error {
		if len(made) != 2 || made[0].ID != before["web"] || made[0].Address != in.Addresses["web"] {
			c.Errorf("claimed %+v of %v", made, before)
		}
		for range 2 {
			c.must("start", c.startAll(made))
		}
		return nil
	})))
	if after, run := c.services(in); !maps.Equal(before, after) || !run {
		c.Errorf("services %v became %v, all of which run: %v", before, after, run)
	}
	c.must("stop", c.Ours.StopService(c.ctx, before["web"], 0))
	if _, run := c.services(in); run {
		c.Error("what goes on cannot be stopped")
	}

	cut, plan := c.warm() // its owner's sidecar dies in the claim
	before, _ = c.services(cut)
	cut.State, plan.Warm = whaley.Starting, false
	c.must("start", c.Ours.Start(c.ctx, cut, plan, c.steps(cut, c.startAll)))
	if after, run := c.services(cut); !maps.Equal(before, after) || !run {
		c.Errorf("services %v became %v, all of which run: %v", before, after, run)
	}
	c.warm() // nobody claims it, and it is removed as it is
}
