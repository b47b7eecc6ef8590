package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Store keeps what should be. All methods are safe for concurrent use. What writes refuses with CodeStandby once
// another sidecar is active.
type Store interface {
	// Insert adds a live instance and its event in one transaction. It refuses with CodeLiveInstance if the owner has
	// a live one of this challenge, with CodeQuota if the owner and with CodeHostFull if the host has as many as allowed,
	// with the reason of the owner's last start of it while that one's back-off lasts, and with too_fast if the player
	// has started as many as allowed in the last minute. It sets Failures and Losses.
	Insert(ctx context.Context, in *whaley.Instance, q whaley.Quota, ev whaley.Event) error
	// InsertClaiming is Insert that gives the instance id and place of what is made ahead of one of the forms and is ready,
	// if something is, and returns that: it is starting then, and is for no other owner any more. What is warm is for owners
	// without a flag of the challenge, who get its flags in the same transaction.
	InsertClaiming(
		ctx context.Context, in *whaley.Instance, forms whaley.Forms, q whaley.Quota, ev whaley.Event,
	) (claimed *whaley.Waiting, err error)
	WaitingStore
	// Update re-reads the row inside a transaction, refuses with CodeStateChanged if its state is none of from, applies
	// change, adds one to Version, writes row and event (if its Type is not empty), and returns the new row.
	Update(ctx context.Context, id string, from []whaley.State, change func(*whaley.Instance), ev whaley.Event) (*whaley.Instance, error)
	// Wake is Update of one that sleeps. It refuses with CodeHostFull if the host has no memory for it.
	Wake(ctx context.Context, id string, q whaley.Quota, change func(*whaley.Instance), ev whaley.Event) (*whaley.Instance, error)
	// Due lists running and sleeping instances whose time is over, those first that have been over for longest, and not
	// more than can be stopped at once.
	Due(ctx context.Context, now time.Time) ([]string, error)
	// Expire turns those of the running and sleeping instances whose time is over into stopping ones, with an event each,
	// in one transaction however many they are, and returns them.
	Expire(ctx context.Context, ids []string, now time.Time) ([]*whaley.Instance, error)
	// Get refuses with CodeInstanceNotFound.
	Get(ctx context.Context, id string) (*whaley.Instance, error)
	// Live lists all live instances, oldest first; owner "" means of everybody.
	Live(ctx context.Context, owner string) ([]*whaley.Instance, error)
	// LiveWith lists those live instances, of everybody, that have a term. It costs little where few have: loops look for
	// them every few seconds, among thousands. There may be others among them.
	LiveWith(ctx context.Context, term whaley.Term) ([]*whaley.Instance, error)
	// LiveOrFailed lists an owner's live instances, oldest first, and after them those whose start failed since a moment.
	LiveOrFailed(ctx context.Context, owner string, since time.Time) ([]*whaley.Instance, error)
	// Record writes an event that is about no instance.
	Record(ctx context.Context, ev whaley.Event) error
	// KeepPrinted writes what an instance's services printed last, in the place of what was kept before; Printed reads it,
	// nothing if nothing was kept.
	KeepPrinted(ctx context.Context, instance string, printed []whaley.Printed) error
	Printed(ctx context.Context, instance string) ([]whaley.Printed, error)
	// LiveByHost finds the live instance of a challenge's slug, or the latest that failed or ended with a reason, or nil.
	LiveByHost(ctx context.Context, challenge, slug string) (*whaley.Instance, error)
}

// WaitingStore keeps what was made ahead and is nobody's yet.
type WaitingStore interface {
	// AddWaiting adds one that is to be made.
	AddWaiting(ctx context.Context, w *whaley.Waiting) error
	// Waiting lists all, those in their state for longest first.
	Waiting(ctx context.Context) ([]*whaley.Waiting, error)
	// MoveWaiting changes the state of one, unless that is another meanwhile or an owner has claimed it, and says whether
	// it did. Its place is written as it is in w.
	MoveWaiting(ctx context.Context, w *whaley.Waiting, to whaley.WaitingState) (bool, error)
	// DropWaiting forgets one; none is no error.
	DropWaiting(ctx context.Context, id string) error
}

// Flags gives owners their flags.
type Flags interface {
	// Flags are the flags that an owner has for a challenge, one for each of the forms of ch.Flag, for ever: made when
	// first asked for, the same whenever asked again. They are asked only for challenges whose Flag is Dynamic.
	Flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error)
	// Spare are flags that nobody has, one for each of the forms of ch.Flag. They are written nowhere: an owner gets them
	// with the claim of what has them.
	Spare(ch *whaley.Challenge) []*whaley.IssuedFlag
	// AwaitLive returns once the scoreboard accepts the flags, or it is clear that it will not soon, or when ctx ends.
	AwaitLive(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge)
}

// Costs remember what instances were seen to cost.
type Costs interface {
	// Cost is what instances of a challenge cost, of a revision as far as enough of it were seen.
	Cost(challenge, revision string) whaley.Cost
	// Started is told how long an instance's start had its slot. It must not block.
	Started(in *whaley.Instance, took time.Duration)
}

// Variables are what organisers set for challenges: secrets, which are told to nobody but the containers that ask for
// them.
type Variables interface {
	// Values are those of one challenge by name, as they are now.
	Values(challenge string) map[string]string
}

// Router tells the edge in front where running instances are.
type Router interface {
	// Publish puts all routes of one instance live in one step.
	Publish(ctx context.Context, instance string, routes []whaley.Publication) error
	Retract(ctx context.Context, instance string, routes []whaley.Publication) error
	// Sync makes the router hold exactly what list returns. It calls list while no Publish or Retract is under way:
	// what was listed before one of these must not be written after it.
	Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error
}

// Forensics keeps what an instance's containers printed, before they are removed. Capture returns when that is done, or
// when ctx ends: then what could not be kept is lost.
type Forensics interface {
	Capture(ctx context.Context, in *whaley.Instance, reason string)
}

// Challenges is the set of loaded challenges.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
	All() []*whaley.Challenge // by category, then name
	// Prune removes the folders of revisions that are neither loaded nor wanted by keep.
	Prune(keep func(dir string) bool) error
}
