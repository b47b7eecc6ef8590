package whaley

import "time"

// IssuedFlag is a flag that was made for one owner and challenge. It is kept for ever: whoever submits it later has it
// from this owner.
type IssuedFlag struct {
	ID            string
	Challenge     string
	Part          string // which of the challenge's flags, see FlagForm; empty: the first
	Owner         Owner
	Value         string
	Token         string // the random part, lower case, by which it is recognised in what players submit
	CreatedAt     time.Time
	RetiredAt     time.Time // zero: the owner's current one
	RetiredBy     string
	RetiredWhy    string // rotated, deleted
	Registrations []Registration
}

// RegistrationState is where a flag is on its way into or out of CTFd.
type RegistrationState string

// A registration is wanted (pending → live, failed between tries) or not wanted any more (removing → removed).
const (
	RegistrationPending  RegistrationState = "pending"
	RegistrationLive     RegistrationState = "live"
	RegistrationFailed   RegistrationState = "failed" // CTFd refused it; tried again, ever more rarely
	RegistrationRemoving RegistrationState = "removing"
	RegistrationRemoved  RegistrationState = "removed"
)

// Registration is one flag in one challenge of CTFd, and the outbox entry that brings it there or away.
type Registration struct {
	Flag          string // id of the issued flag
	Value         string
	Owner         string // id
	Challenge     string // ours
	CTFdChallenge int
	CTFdFlag      int // row id in CTFd, 0 while unknown
	State         RegistrationState
	Tries         int // since the last success
	Reason        string
	ChangedAt     time.Time
}

// Mapping says which challenge of CTFd a challenge of ours is.
type Mapping struct {
	Challenge     string
	Part          string // of the challenge's flags only that one, see FlagForm; empty: all that have no mapping of their own
	CTFdChallenge int
	CTFdName      string // when it was mapped
	CreatedAt     time.Time
}

// FlagState says of an owner's flag whether CTFd knows it.
type FlagState string

// What a player is told about the flag of an instance.
const (
	FlagNone    FlagState = ""        // no flag of the owner's own
	FlagLocal   FlagState = "local"   // made and placed; there is no CTFd to know it
	FlagPending FlagState = "pending" // on its way into CTFd
	FlagLive    FlagState = "live"    // CTFd accepts it
	FlagFailed  FlagState = "failed"  // CTFd has refused to store it; tried again
)

// FlagFilter chooses flags of a list; empty fields choose all.
type FlagFilter struct {
	Challenge string
	Owner     string
	State     RegistrationState
	Retired   bool // those no longer in use too
}

// FlagTotals are the numbers of flags.
type FlagTotals struct {
	Current       int
	Owners        int // with a current one
	Retired       int
	Registrations map[RegistrationState]int
}
