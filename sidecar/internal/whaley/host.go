package whaley

import "time"

// HostQuery asks for a host on behalf of a player, who may be nobody known.
type HostQuery struct {
	Host   string
	Player Player
}

// HostView is what the asker may know of a host. For whoever does not own it, one that is not running is the same as
// one that never was.
type HostView struct {
	State     State // of an instance, or Unknown or Asleep
	Mine      bool
	Access    Access
	Backend   string // running: scheme://address:port
	Forwarded string // running: see Route
	Instance  *Instance
	Challenge string // its id
	Name      string // the challenge's, for people
	Wake      bool   // not live: whether opening the address may start it
	Position  int
	Estimate  time.Duration // how long it still waits in the queue
	Version   string
	Problem   *Error // failed or refused: why
}
