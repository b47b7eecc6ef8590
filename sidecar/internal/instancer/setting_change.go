package instancer

import "time"

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
