package whaley

import "time"

// Quota bounds how much may live at once; zero means no limit.
type Quota struct {
	PerOwner  int   // instances of one owner
	PerMinute int   // starts of one player within a minute, live or not
	Total     int   // instances of all
	Memory    int64 // bytes, sum of what live instances may use
	BackOff   bool  // after a failed start, or instances that ended by themselves, the owner waits
}

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
	Waiting          int           // instances of a challenge that are made ahead at most; 0: none are
	WaitingMemory    int64         // bytes that all of these may take before anybody has them; 0: no limit
	ByLimits         bool          // memory counts by what instances may use, not by what others were seen to use
	Drain            string        // why nothing is started any more, for players; empty: spawns are allowed
}

// RetryWhilePaused is when to look again whether spawns are allowed.
const RetryWhilePaused = 30 * time.Second
