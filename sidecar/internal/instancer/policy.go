package instancer

import "time"

// Policy is what may be changed while an Instancer runs. It holds for what is asked for from then on; what runs stays.
type Policy struct {
	Quota            Quota         // of a player; PerOwner is of one who plays alone
	MaxPerTeam       int           // live instances of a team; 0: no limit
	StartsPerMinute  int           // of a player, by whatever way; 0: no limit
	SpawnConcurrency int           // default 10
	StartTimeout     time.Duration // from when it has a slot on; default 2 min
	BuildConcurrency int           // challenges that are built at the same time; default 2
	BuildTimeout     time.Duration // of all that is built of a challenge's revision; 0: no limit
	Disk             int64         // bytes that an instance may write into its containers and volumes; 0: no limit
	Files            int64         // that an instance may have there; 0: no limit
	Output           int64         // bytes a second that an instance may print for long; 0: no limit
	DiskReserve      int64         // bytes of the engine's disk that are kept free; 0: none
	Drain            string        // why nothing is started any more, for players; empty: spawns are allowed
}

// codeDraining is the refusal while Policy.Drain is set.
const codeDraining = "draining"

// drainRetry is when to look again whether spawns are allowed.
const drainRetry = 30 * time.Second

// Policy is what holds now.
func (i *Instancer) Policy() Policy { return *i.policy.Load() }

// SetPolicy makes another policy hold at once. More spawns at a time begin at once, fewer as those under way end.
func (i *Instancer) SetPolicy(p Policy) {
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
	i.images.turns.wake()
	i.launch(i.queue.resize(p.SpawnConcurrency))
}

// drained refuses while nothing is to be started.
func (i *Instancer) drained() error {
	if why := i.Policy().Drain; why != "" {
		return Errorf(Unavailable, codeDraining, "%s", why).After(drainRetry)
	}
	return nil
}
