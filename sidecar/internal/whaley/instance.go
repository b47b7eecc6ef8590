package whaley

import (
	"net/netip"
	"slices"
	"time"
)

// State is where an instance is in its life.
type State string

// queued → starting → running → stopping → stopped; failed can follow queued and starting. What runs may become
// sleeping, and starting again from there.
const (
	Queued   State = "queued"
	Starting State = "starting"
	Running  State = "running"
	Sleeping State = "sleeping" // its programs are stopped, all else of it stays
	Stopping State = "stopping"
	Stopped  State = "stopped"
	Failed   State = "failed"
)

// States of a host that no instance has.
const (
	Unknown State = "unknown" // no such host, or nothing that this asker may know of
	Asleep  State = "asleep"  // the asker's own, without a live instance or with one that sleeps
)

// LiveStates are those that the unique index on owner and challenge covers.
var LiveStates = []State{Queued, Starting, Running, Sleeping, Stopping}

// Live says whether an instance in this state holds its owner's place for the challenge.
func (s State) Live() bool { return s != Stopped && s != Failed }

// Timed says whether an instance in this state has a time that runs out.
func (s State) Timed() bool { return s == Running || s == Sleeping }

// Asked is when its owner asked for what is being done with it: for its start, or that it wakes.
func (in *Instance) Asked() time.Time {
	if in.State == Starting && in.Sleep != nil {
		return in.Sleep.Woken
	}
	return in.CreatedAt
}

// Owner is a player, or a team in team mode.
type Owner struct {
	ID   string // stable; allowed characters [a-zA-Z0-9_-]
	Name string // for people
}

// Instance is one owner's running copy of a challenge: the row that says what should be.
type Instance struct {
	ID        string // <challenge>-<owner, 8>-<8 hex>
	Challenge string
	Revision  string
	Owner     Owner
	Player    string  // who asked for it
	Slug      string  // the secret part of its hosts
	Routes    []Route // as its revision has them; a later edit of the challenge changes nothing here
	Terms     Terms   // of its revision, likewise
	State     State
	Stage     string // while starting: what is being done, for people
	Reason    *Error // failed: why; stopped: nil, or why it is not started again at once
	StopCause string // player, admin, expired, lost, replaced, disk, files, short, output
	Subnet    netip.Prefix
	Networks  []Part                // if it has several, Subnet being the first one's; else nil
	Egress    bool                  // its containers may reach the outside
	Addresses map[string]netip.Addr // service → address, fixed before the network is made; on its first network
	Ports     map[int]int           // route port → host port, for routes of type port
	CreatedAt time.Time
	StartedAt time.Time // when it became running; zero before
	ExpiresAt time.Time
	Extended  time.Duration // sum of all extensions
	EndedAt   time.Time
	Memory    int64  // bytes that it may use at most
	Expected  int64  // bytes that it is expected to use, by what others did; 0: as many as it may
	Sleep     *Sleep // since when it sleeps; while it is woken too; else nil
	Failures  int    // how often in a row the owner's starts of the challenge failed, with this one
	Losses    int    // how often in a row they ended by themselves soon, with this one
	Version   int64  // grows with every transition
}

// Sleep is how an instance fell asleep.
type Sleep struct {
	Since    time.Time
	Woken    time.Time `json:",omitzero"` // when it was opened after its last sleep; zero: not yet
	Services []string  // those that ran, which run again when it is woken
}

// Traffic is what is known of an instance's connections with what is outside of it.
type Traffic struct {
	Bytes uint64 // that came in; it only grows while the instance runs
	Held  int    // connections that are open
}

// ServiceStart is what a service that has run waits for when it is started again, and what it is ready by.
type ServiceStart struct {
	Name      string
	DependsOn []Dependency
	Health    *Health
}

// Terms are what an instance needs of its revision after it was made: the challenge may be edited, or gone, by then.
type Terms struct {
	Name        string // of the challenge, for people
	Dir         string // where its files are
	Timeout     time.Duration
	ExtendTime  time.Duration
	Access      Access
	Grace       map[string]time.Duration // service → how long it may take to stop
	Needed      []string                 // services that others need to run
	Restarts    map[string]*Restart      // services that are started again when they end
	Shares      map[string]string        // service → the one whose network it shares
	Given       bool                     // its length was said with the request
	Idle        time.Duration            `json:",omitzero"`  // without traffic for that long it falls asleep; 0: never
	StopOnSolve time.Duration            `json:",omitzero"`  // after its owner's solve was seen it runs for that long; 0: on
	Solved      bool                     `json:",omitempty"` // that was seen
	Starts      []ServiceStart           `json:",omitempty"` // of its services in their order, if it may sleep
}

// Term is the name of one of the Terms that only few instances have, by which they are found.
type Term string

// Terms that loops look for.
const (
	TermIdle        Term = "Idle"
	TermStopOnSolve Term = "StopOnSolve"
)

// Keeping are these terms with what was said when it was asked for.
func (t Terms) Keeping(before Terms) Terms {
	if before.Given {
		t.Timeout, t.ExtendTime, t.Given, t.Idle, t.StopOnSolve = before.Timeout, before.ExtendTime, true, 0, 0
	}
	return t
}

// TermsOf are the terms of a challenge's loaded revision.
func TermsOf(ch *Challenge) Terms {
	t := Terms{
		Name: ch.Name, Dir: ch.Dir, Timeout: ch.Timeout, ExtendTime: ch.ExtendTime, Access: ch.Access,
		Grace: map[string]time.Duration{}, Idle: ch.Idle, StopOnSolve: ch.StopOnSolve,
	}
	for _, s := range ch.Services {
		t.Grace[s.Name] = s.StopGrace
		if ch.Idle > 0 {
			t.Starts = append(t.Starts, ServiceStart{s.Name, s.DependsOn, s.Health})
		}
		if s.Restart != nil {
			if t.Restarts == nil {
				t.Restarts = map[string]*Restart{}
			}
			t.Restarts[s.Name] = s.Restart
		}
		if s.Shares != "" {
			if t.Shares == nil {
				t.Shares = map[string]string{}
			}
			t.Shares[s.Name] = s.Shares
		}
		for _, d := range s.DependsOn {
			if d.Condition != ConditionCompleted && !slices.Contains(t.Needed, d.Service) {
				t.Needed = append(t.Needed, d.Service)
			}
		}
	}
	return t
}

// Event is one row of the log, written in the transaction of what it tells.
type Event struct {
	ID        string // given by the store, in the order of time
	Type      string // instance_spawn, instance_running, instance_spawn_failed, instance_stop, instance_extend, instance_expired, …
	Instance  string
	Challenge string
	Owner     string
	Player    string
	Message   string
	At        time.Time
	Request   string // id of the request that led to it; the store takes it from the context
}
