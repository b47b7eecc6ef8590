package flag

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Store keeps flags and what CTFd should hold of them.
type Store interface {
	issued
	outbox
	mappings
}

type issued interface {
	CurrentFlag(ctx context.Context, owner, challenge, part string) (*whaley.IssuedFlag, error)
	CurrentFlags(ctx context.Context, owner, challenge string) ([]*whaley.IssuedFlag, error)
	IssueFlag(ctx context.Context, f *whaley.IssuedFlag, ev whaley.Event) (*whaley.IssuedFlag, error)
	RetireFlags(
		ctx context.Context, id, owner, by, why string, at time.Time, next func(*whaley.IssuedFlag) *whaley.IssuedFlag,
	) ([]*whaley.IssuedFlag, error)
	ListFlags(ctx context.Context, f whaley.FlagFilter, after string, limit int) ([]*whaley.IssuedFlag, error)
	FlagTotals(ctx context.Context) (whaley.FlagTotals, error)
}

type outbox interface {
	DueRegistrations(ctx context.Context, limit int) ([]whaley.Registration, error)
	RegistrationsIn(ctx context.Context, ctfdChallenge int) ([]whaley.Registration, error)
	// LiveRegistration is any that CTFd should hold in a challenge; nil: it should hold none.
	LiveRegistration(ctx context.Context, ctfdChallenge int) (*whaley.Registration, error)
	Registered(ctx context.Context, was, now whaley.Registration, again time.Duration, ev whaley.Event) error
	TryRegistrationsNow(ctx context.Context) error
}

type mappings interface {
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
	Mapping(ctx context.Context, challenge string) (*whaley.Mapping, error)
	Map(ctx context.Context, m *whaley.Mapping) error
	Unmap(ctx context.Context, challenge, part string) (bool, error)
}

// CTFd is what is asked of CTFd.
type CTFd interface {
	// Challenges lists all challenges, hidden ones too.
	Challenges(ctx context.Context) ([]whaley.ScoreboardChallenge, error)
	// Flags lists the flags of a challenge: those with a content, or with an empty one all.
	Flags(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error)
	// SampleFlags is Flags for what most likely is there, and may come late.
	SampleFlags(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error)
	// AddFlag adds a case-sensitive flag, right for an owner only or with none for everybody, and returns it as it was
	// stored. It is not idempotent.
	AddFlag(ctx context.Context, challenge int, content, owner string) (whaley.ScoreboardFlag, error)
	// OwnedFlags says whether it knows flags of one owner only.
	OwnedFlags(ctx context.Context) (bool, error)
	// RemoveFlag removes a flag; one that is not there is no error.
	RemoveFlag(ctx context.Context, id int) error
}

// Challenges is the set of loaded challenges.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
	All() []*whaley.Challenge
}

// Options are the settings of Flags.
type Options struct {
	MapEvery    time.Duration // default 60 s
	VerifyEvery time.Duration // all flags are compared; default 5 min
	SampleEvery time.Duration // one flag of each challenge is looked for; default 45 s
}

// Flags is the whole life of flags. Make it with New; Run does what goes on in the background.
type Flags struct {
	store      Store
	ctfd       CTFd // nil: there is none, flags are made and placed only
	challenges Challenges
	opts       Options
	log        *slog.Logger

	told    func(owner string) // of another state of one of the owner's flags
	kick    loop.Signal        // there is something in the outbox
	recheck chan int           // a challenge of CTFd that may lack a flag
	live    waiting
	down    atomic.Bool // the last round of registering found CTFd down
	owned   atomic.Bool // CTFd knows flags of one owner only
	known   knownChallenges
	sampled int // the challenge of CTFd that a flag was looked for in last

	synthetic synthetic
}

// New makes Flags.
func New(store Store, ctfd CTFd, challenges Challenges, opts Options, log *slog.Logger) *Flags {
	opts.MapEvery = cmp.Or(opts.MapEvery, time.Minute)
	opts.VerifyEvery = cmp.Or(opts.VerifyEvery, 5*time.Minute)
	opts.SampleEvery = cmp.Or(opts.SampleEvery, 45*time.Second)
	return &Flags{
		store: store, ctfd: ctfd, challenges: challenges, opts: opts, log: log,
		told: func(string) {}, kick: loop.NewSignal(), recheck: make(chan int, 64),
		live: newWaiting(), synthetic: newSynthetic(),
	}
}

// InCTFd says whether there is a CTFd that flags are registered in.
func (f *Flags) InCTFd() bool { return f.ctfd != nil }
