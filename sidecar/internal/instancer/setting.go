package instancer

import "time"

// ChallengeSetting is what organisers have set for a challenge beside its files. A challenge without one is active and
// has the limits of its files.
type ChallengeSetting struct {
	Challenge string // id
	Active    bool
	Limits    Limits // of a whole instance, whatever settings and files say; 0: as they say
	UpdatedAt time.Time
	UpdatedBy string
}
