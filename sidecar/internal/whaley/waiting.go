package whaley

import (
	"net/netip"
	"slices"
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
	Warm      bool          // its programs run already; else they wait at their gates
	Flags     []*IssuedFlag // that it has and nobody owns yet; nil: its challenge has none, or it is not warm
	Age       time.Duration // since the state changed
}

// OwnersOnly says what of a challenge's instances, beside its flags, is known with their owner only, so that none can
// run before it has one; empty: nothing.
func (ch *Challenge) OwnersOnly() string {
	for _, r := range ch.Routes {
		if r.Type == RoutePort {
			return "its ports of the host are its owner's"
		}
	}
	for _, s := range ch.Services {
		for n := range ch.Routes {
			for _, name := range slices.Concat(HostVariables(ch.Routes, n), URLVariables(ch.Routes, n)) {
				if s.Uses(name) {
					return "the service " + s.Name + " uses " + name + ", which is its owner's"
				}
			}
		}
	}
	if slices.ContainsFunc(ch.Services, func(s Service) bool { return s.Relay }) {
		return "its own addresses, which are its owner's, work inside it"
	}
	return ""
}

// Forms are those of what a start may claim; an empty one: nothing.
type Forms struct {
	Warm  string // what an owner who has no flag of the challenge may have, and its flags with it
	Gated string
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
