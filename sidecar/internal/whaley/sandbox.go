package whaley

import (
	"net/netip"
	"time"
)

// SandboxPrefix begins the ids of sandboxes. No instance has a dot in its id.
const SandboxPrefix = "sandbox."

// SandboxState is where a sandbox is in its life.
type SandboxState string

// making → ready → taken → used → cleaning → resting → ready …, or gone from anywhere but taken.
const (
	SandboxMaking   SandboxState = "making"
	SandboxReady    SandboxState = "ready"
	SandboxTaken    SandboxState = "taken"
	SandboxUsed     SandboxState = "used"     // its holders know an instance that is no more
	SandboxCleaning SandboxState = "cleaning" // these are being replaced
	SandboxResting  SandboxState = "resting"  // whole, but nobody's until nobody remembers its last instance
	SandboxGone     SandboxState = "gone"     // everything is being removed
)

// Sandbox is a network of its own, with a holder for each service: a container that does nothing but to keep a network
// namespace with the service's address and name.
type Sandbox struct {
	ID       string
	Shape    Shape
	Subnet   netip.Prefix
	State    SandboxState
	Instance string        // taken: whose it is
	Age      time.Duration // since the state changed
}

// Holder is the engine's name of a service's holder.
func (s *Sandbox) Holder(service string) string { return s.ID + "-" + service }

// Shape is all that two sandboxes can differ in.
type Shape struct {
	Egress   bool
	Ports    bool   `json:",omitempty"` // of the host lead to it, so it knows the way to who is outside
	Services []Seat // in the order of their addresses
}

// Seat is a service's place in a sandbox, as its neighbours see it.
type Seat struct {
	Name, Hostname string
	Aliases        []string // beside its name
}

// Address is that of the nth service.
func (s *Sandbox) Address(n int) netip.Addr { return AddressIn(s.Subnet, n) }
