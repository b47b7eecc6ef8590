package solver

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Instances are what the rules do for solvers.
type Instances interface {
	SpawnThrowAway(ctx context.Context, o whaley.Owner, challenge string, lasts time.Duration) (*whaley.Instance, error)
	// AwaitState returns an instance once it is in a state, or does not live any more.
	AwaitState(ctx context.Context, in *whaley.Instance, state whaley.State) (*whaley.Instance, error)
	End(ctx context.Context, id, cause string) error
	BuildState(challenge string) whaley.BuildState
}

// Box is where solvers run.
type Box interface {
	// PrepareSolver makes sure that the image is there that a challenge's solver has of its own.
	PrepareSolver(ctx context.Context, ch *whaley.Challenge) error
	// Solve runs a job in a container of its own that reaches nothing but the job's instance, and returns its exit code.
	// What it made is gone when it returns.
	Solve(ctx context.Context, job whaley.SolverJob, stdout, stderr io.Writer) (exit int, err error)
	// RemoveSolvers removes what a process before has left.
	RemoveSolvers(ctx context.Context) error
}

// Flags are those of owners.
type Flags interface {
	Flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error)
}

// Store keeps runs.
type Store interface {
	// KeepSolverRun writes a run, with an event in the same transaction if that has a type.
	KeepSolverRun(ctx context.Context, run whaley.SolverRun, ev whaley.Event) error
	SolverRuns(ctx context.Context, challenge string) ([]whaley.SolverRun, error)
	LatestSolverRuns(ctx context.Context) ([]whaley.SolverRun, error)
	// SyntheticLive are the live instances of owners whose ids begin so.
	SyntheticLive(ctx context.Context, prefix string) ([]*whaley.Instance, error)
	ForgetSynthetic(ctx context.Context) error
}

// Challenges are those that are loaded.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
	All() []*whaley.Challenge
}

// Needs is what solvers are run with.
type Needs struct {
	Instances  Instances
	Box        Box
	Flags      Flags
	Store      Store
	Challenges Challenges
	// Every is how often each challenge is solved again; 0: not by itself.
	Every func() time.Duration
	Log   *slog.Logger
}
