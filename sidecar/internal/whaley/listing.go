package whaley

import "time"

// InstanceQuery selects instances of everybody, the past ones too. Empty fields select all.
type InstanceQuery struct {
	IDs        []string
	States     []State
	Challenge  string
	Owner      string    // id
	Text       string    // part of the id, or of the owner's name or id, in any case
	Before     time.Time // created before it
	Sort       InstanceOrder
	Descending bool
	After      string // cursor of the page before
	Limit      int
}

// InstanceOrder is what a list of instances goes by.
type InstanceOrder string

// The orders of instances.
const (
	ByCreated   InstanceOrder = "created"
	ByExpiry    InstanceOrder = "expires" // those that do not expire last
	ByChallenge InstanceOrder = "challenge"
	ByOwner     InstanceOrder = "owner" // name
	ByState     InstanceOrder = "state"
)

// InstanceOrders are all of them.
var InstanceOrders = []InstanceOrder{ByCreated, ByExpiry, ByChallenge, ByOwner, ByState}

// OwnerSummary is what an owner has had.
type OwnerSummary struct {
	Owner  Owner
	Live   int       // instances now
	Total  int       // instances ever
	LastAt time.Time // when the last one was asked for
}

// PortMapping is which host port an owner's challenge had last, for one of its own ports.
type PortMapping struct {
	Owner     string
	Challenge string
	Internal  int
	Port      int
	Instance  string // that holds the port now, or ""
}

// PortUse is the memory of ports in numbers.
type PortUse struct {
	Held     int // by instances, now
	Mappings int
	Owners   int
}

// LiveRow is the little of a live instance that thousands of them can be counted by.
type LiveRow struct {
	ID        string
	Challenge string
	Owner     Owner
	Player    string
	State     State
	CreatedAt time.Time
	StartedAt time.Time
	ExpiresAt time.Time
	Memory    int64
	Expected  int64
}
