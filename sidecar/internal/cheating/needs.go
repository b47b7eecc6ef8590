package cheating

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Store keeps what was found, and has what it is compared with.
type Store interface {
	evidence
	findings
	solves
}

type evidence interface {
	FlagsByToken(ctx context.Context, tokens []string) ([]*whaley.IssuedFlag, error)
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
	History(ctx context.Context, challenge string, owners []string) ([]whaley.InstanceRecord, error)
	// Contacted writes when instances got their first requests.
	Contacted(ctx context.Context, first map[string]time.Time) error
}

type findings interface {
	Suspect(ctx context.Context, found *whaley.Suspicion, ev whaley.Event) (bool, error)
	ListSuspicions(ctx context.Context, f whaley.SuspicionFilter, after string, limit int) ([]*whaley.Suspicion, error)
	CountSuspicions(ctx context.Context, f whaley.SuspicionFilter) (int, error)
	ReviewSuspicion(
		ctx context.Context, id string, state whaley.ReviewState, note, by string, at time.Time,
	) (*whaley.Suspicion, error)
	ClearSuspicions(ctx context.Context, at time.Time) (int, error)
	Scan(ctx context.Context) (whaley.Scan, error)
	SaveScan(ctx context.Context, s whaley.Scan) error
}

type solves interface {
	Solves(ctx context.Context, owner string) ([]whaley.Solve, error)
	SaveSolves(ctx context.Context, more, gone []whaley.Solve) error
}

// CTFd is what is asked of CTFd.
type CTFd interface {
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
}

// Needs is what a Detector works with.
type Needs struct {
	Store      Store
	CTFd       CTFd // nil: there is none, only first requests are written
	Challenges Challenges
	// Missing is told of a challenge of CTFd that has refused an owner's own flag.
	Missing func(ctfdChallenge int)
	Log     *slog.Logger
}

// Options are the settings of a Detector.
type Options struct {
	// Teams says whether instances belong to teams; nil: as CTFd says.
	Teams *bool
	// SeesAll says that every request to an instance's web address passes the plugin. Where running instances have
	// routers of their own, most do not.
	SeesAll   bool
	ScanEvery time.Duration // default 60 s
	FullEvery time.Duration // default 1 h
}

// Detector reads CTFd's submissions. Make it with New; Run does what goes on in the background.
type Detector struct {
	store      Store
	ctfd       CTFd
	challenges Challenges
	lacks      func(ctfdChallenge int)
	opts       Options
	log        *slog.Logger

	pushed   atomic.Int64 // when CTFd's plugin was last heard of, Unix seconds
	look     loop.Signal  // it has lost what it should have told
	scanning sync.Mutex
	contacts contacts
	names    names
}

// New makes a Detector.
func New(needs Needs, opts Options) *Detector {
	opts.ScanEvery = cmp.Or(opts.ScanEvery, time.Minute)
	opts.FullEvery = cmp.Or(opts.FullEvery, time.Hour)
	return &Detector{
		store: needs.Store, ctfd: needs.CTFd, challenges: needs.Challenges, lacks: needs.Missing, opts: opts, log: needs.Log,
		look: loop.NewSignal(), contacts: newContacts(),
	}
}

// Run reads submissions and writes first requests until ctx ends.
func (d *Detector) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.contactLoop(ctx) })
	if d.ctfd != nil {
		g.Go(func() error { return d.scanLoop(ctx) })
	}
	return g.Wait()
}
