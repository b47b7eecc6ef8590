package trial

import (
	"context"
	"log/slog"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Drafts make challenges of drafts, which players do not see.
type Drafts interface {
	TryDraft(ctx context.Context, id string) (*whaley.Challenge, error)
	ForgetTry(challenge string)
}

// Instances are what the rules do for trials.
type Instances interface {
	SpawnThrowAway(ctx context.Context, o whaley.Owner, challenge string, lasts time.Duration) (*whaley.Instance, error)
	// AwaitState returns an instance once it is in a state, or does not live any more.
	AwaitState(ctx context.Context, in *whaley.Instance, state whaley.State) (*whaley.Instance, error)
	End(ctx context.Context, id, cause string) error
	BuildStatus(challenge string) (whaley.BuildStatus, <-chan struct{}, error)
}

// Store has what is known of instances.
type Store interface {
	Get(ctx context.Context, id string) (*whaley.Instance, error)
	// Printed is what was kept of an instance that did not start.
	Printed(ctx context.Context, instance string) ([]whaley.Printed, error)
	// ForgetSynthetic removes what is left of instances that have ended and whose owners are no players.
	ForgetSynthetic(ctx context.Context) error
}

// Needs is what trials are made with.
type Needs struct {
	Drafts    Drafts
	Instances Instances
	Store     Store
	// Prove runs a challenge's solver against an instance of it.
	Prove func(ctx context.Context, ch *whaley.Challenge, in *whaley.Instance) whaley.SolverRun
	// Flags are those that an instance of an owner has.
	Flags func(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error)
	Log   *slog.Logger
}
