package platformtest

import (
	"context"
	"maps"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func (c *contract) sleeps() {
	in := c.row()
	c.must("start", c.start(in, c.startAll))
	before, _ := c.services(in)
	in.State, in.Sleep = whaley.Sleeping, &whaley.Sleep{Services: []string{"db", "web"}}
	for range 2 {
		c.must("sleep", c.Ours.Sleep(c.ctx, in))
	}
	for _, o := range c.list(c.Ours, in.ID) {
		if o.Kind == "container" && (o.Running || !o.Ended) {
			c.Errorf("asleep it has %+v", o)
		}
	}
	if held := c.reserved(); !slices.Contains(held, in.ID) {
		c.Errorf("asleep, reserved is for %q", held)
	}
	in.State = whaley.Starting
	for n := range 2 { // the first is cut short
		c.must("wake", c.Ours.Wake(c.ctx, in, func(_ context.Context, made []instancer.Made) error {
			if len(made) != 2 || made[0].Service.Name != "db" || made[0].ID != before["db"] ||
				made[1].Address != in.Addresses["web"] {
				c.Errorf("woken are %+v of %v", made, before)
			}
			return c.startAll(made[:n+1])
		}))
	}
	if after, run := c.services(in); !maps.Equal(before, after) || !run {
		c.Errorf("services %v became %v, all of which run: %v", before, after, run)
	}
	traffic, err := c.Ours.Traffic(c.ctx, []*whaley.Instance{in})
	c.must("traffic", err)
	if len(traffic) > 1 || len(traffic) == 1 && traffic[in.ID].Held > 0 {
		c.Errorf("traffic %+v of what no player is connected with", traffic)
	}
}
