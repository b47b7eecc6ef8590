package flag

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Store keeps flags, what CTFd should hold of them, and what was found.
type Store interface {
	issued
	outbox
	mappings
	findings
}

type issued interface {
	CurrentFlag(ctx context.Context, owner, challenge, part string) (*whaley.IssuedFlag, error)
	CurrentFlags(ctx context.Context, owner, challenge string) ([]*whaley.IssuedFlag, error)
	FlagsByToken(ctx context.Context, tokens []string) ([]*whaley.IssuedFlag, error)
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
	Registered(ctx context.Context, was, now whaley.Registration, again time.Duration, ev whaley.Event) error
	TryRegistrationsNow(ctx context.Context) error
}

type mappings interface {
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
	Mapping(ctx context.Context, challenge string) (*whaley.Mapping, error)
	Map(ctx context.Context, m *whaley.Mapping) error
	Unmap(ctx context.Context, challenge, part string) (bool, error)
}

type findings interface {
	Suspect(ctx context.Context, found *whaley.Suspicion, ev whaley.Event) (bool, error)
	ListSuspicions(ctx context.Context, f whaley.SuspicionFilter, after string, limit int) ([]*whaley.Suspicion, error)
	CountSuspicions(ctx context.Context, f whaley.SuspicionFilter) (int, error)
	ReviewSuspicion(ctx context.Context, id string, state whaley.ReviewState, note, by string, at time.Time) (*whaley.Suspicion, error)
	ClearSuspicions(ctx context.Context, at time.Time) (int, error)
	Scan(ctx context.Context) (whaley.Scan, error)
	SaveScan(ctx context.Context, s whaley.Scan) error
	History(ctx context.Context, challenge string, owners []string) ([]whaley.InstanceRecord, error)
	Contacted(ctx context.Context, first map[string]time.Time) error
	Record(ctx context.Context, ev whaley.Event) error
}

// CTFd is what is asked of CTFd.
type CTFd interface {
	// Challenges lists all challenges, hidden ones too.
	Challenges(ctx context.Context) ([]whaley.ScoreboardChallenge, error)
	// Flags lists the flags of a challenge: those with a content, or with an empty one all.
	Flags(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error)
	// AddFlag adds a case-sensitive flag, right for an owner only or with none for everybody, and returns it as it was stored.
	// It is not idempotent.
	AddFlag(ctx context.Context, challenge int, content, owner string) (whaley.ScoreboardFlag, error)
	// OwnedFlags says whether it knows flags of one owner only.
	OwnedFlags(ctx context.Context) (bool, error)
	// RemoveFlag removes a flag; one that is not there is no error.
	RemoveFlag(ctx context.Context, id int) error
	// Submissions is one page of all submissions, at most 100 on a page.
	Submissions(ctx context.Context, page, perPage int) (whaley.Submissions, error)
	// ExportSubmissions gives all submissions to a function, without names.
	ExportSubmissions(ctx context.Context, each func(whaley.Submission) error) error
	// User and Team are an account and a team, CodeNotFound if there is none.
	User(ctx context.Context, id int) (whaley.Account, error)
	Team(ctx context.Context, id int) (whaley.Team, error)
	// TeamMode says whether players are in teams.
	TeamMode(ctx context.Context) (bool, error)
}

// Challenges is the set of loaded challenges.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
	All() []*whaley.Challenge
}

// Options are the settings of Flags.
type Options struct {
	// Teams says whether instances belong to teams; nil: as CTFd says.
	Teams *bool
	// SeesAll says that every request to an instance's web address passes the plugin. Where running instances have
	// routers of their own, most do not.
	SeesAll     bool
	ScanEvery   time.Duration // default 60 s
	VerifyEvery time.Duration // default 5 min
	FullEvery   time.Duration // default 1 h
}

// Flags is the whole life of flags. Make it with New; Run does what goes on in the background.
type Flags struct {
	store      Store
	ctfd       CTFd // nil: there is none, flags are made and placed only
	challenges Challenges
	opts       Options
	log        *slog.Logger

	told    func(owner string) // of another state of one of the owner's flags
	kick    chan struct{}      // there is something in the outbox
	recheck chan int           // a challenge of CTFd that may lack a flag
	live    waiting
	down    atomic.Bool   // the last round of registering found CTFd down
	owned   atomic.Bool   // CTFd knows flags of one owner only
	pushed  atomic.Int64  // when CTFd's plugin was last heard of, Unix seconds
	look    chan struct{} // it has lost what it should have told

	scanning sync.Mutex
	contacts contacts
	known    knownChallenges
	names    names
}

// New makes Flags.
func New(store Store, ctfd CTFd, challenges Challenges, opts Options, log *slog.Logger) *Flags {
	if opts.ScanEvery == 0 {
		opts.ScanEvery = time.Minute
	}
	if opts.VerifyEvery == 0 {
		opts.VerifyEvery = 5 * time.Minute
	}
	if opts.FullEvery == 0 {
		opts.FullEvery = time.Hour
	}
	return &Flags{
		store: store, ctfd: ctfd, challenges: challenges, opts: opts, log: log,
		told: func(string) {}, kick: make(chan struct{}, 1), recheck: make(chan int, 64), look: make(chan struct{}, 1),
		live: newWaiting(), contacts: newContacts(),
	}
}

// InCTFd says whether there is a CTFd that flags are registered in.
func (f *Flags) InCTFd() bool { return f.ctfd != nil }
