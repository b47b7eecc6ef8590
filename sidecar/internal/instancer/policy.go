package instancer

import (
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// codeDraining is the refusal while Policy.Drain is set.
const codeDraining = "draining"

// Policy is what holds now.
func (i *Instancer) Policy() whaley.Policy { return *i.policy.Load() }

// SetPolicy makes another policy hold at once. More spawns at a time begin at once, fewer as those under way end.
func (i *Instancer) SetPolicy(p whaley.Policy) {
	if p.SpawnConcurrency == 0 {
		p.SpawnConcurrency = 10
	}
	if p.StartTimeout == 0 {
		p.StartTimeout = 120 * time.Second
	}
	if p.BuildConcurrency == 0 {
		p.BuildConcurrency = 2
	}
	i.policy.Store(&p)
	i.images.turns.wakeup.Send()
	i.launch(i.queue.resize(i.slots()))
}

// drained refuses while nothing is to be started.
func (i *Instancer) drained() error {
	if why := i.Policy().Drain; why != "" {
		return whaley.Errorf(whaley.Unavailable, codeDraining, "%s", why).After(whaley.RetryWhilePaused)
	}
	return nil
}
