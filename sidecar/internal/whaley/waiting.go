package whaley

import (
	"net/netip"
	"time"
)

// WaitingState is where an instance that waits for an owner is.
type WaitingState string

// making → ready → claimed by an owner, which ends the row, or gone.
const (
	WaitingMaking WaitingState = "making"
	WaitingReady  WaitingState = "ready"
	WaitingGone   WaitingState = "gone" // it is being removed
)

// Waiting is an instance that was made ahead and has no owner yet. The owner who claims it has an instance of the same
// id, in the same place.
type Waiting struct {
	ID        string
	Challenge string
	Revision  string
	Form      string // equal texts: made of the same
	State     WaitingState
	Services  int // how many wait
	Egress    bool
	Subnet    netip.Prefix
	Networks  []Part
	Addresses map[string]netip.Addr
	Ports     map[int]int
	Age       time.Duration // since the state changed
}

// Instance is what a platform knows it as.
func (w *Waiting) Instance() *Instance {
	return &Instance{
		ID: w.ID, Challenge: w.Challenge, Revision: w.Revision, Egress: w.Egress, Subnet: w.Subnet, Networks: w.Networks,
		Addresses: w.Addresses, Ports: w.Ports,
	}
}

// Claim gives an instance that is queued the id and the place of one that waits.
func (in *Instance) Claim(w *Waiting) {
	in.ID, in.State, in.Egress = w.ID, Starting, w.Egress
	in.Subnet, in.Networks, in.Addresses, in.Ports = w.Subnet, w.Networks, w.Addresses, w.Ports
}
