package whaley

import "time"

// ChallengeSetting is what organisers have set for a challenge beside its files. A challenge without one is active and
// has the limits of its files.
type ChallengeSetting struct {
	Challenge string // id
	Active    bool
	Limits    Limits    // of a whole instance, whatever settings and files say; 0: as they say
	OpensAt   time.Time // for players, whatever the files say; zero: as they say
	UpdatedAt time.Time
	UpdatedBy string
}

// SettingChange is a change of one setting by an organiser. The store keeps them; what values mean is not its business,
// and a secret's are sealed.
type SettingChange struct {
	ID     string // in the order of time
	Name   string
	Before *string // nil: what the environment says
	After  *string // nil: reset to what the environment says
	By     string
	At     time.Time
}
