package solver

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Prove runs a challenge's solver against an instance of it that runs, whose owner is no player. It keeps nothing.
func (s *Solvers) Prove(ctx context.Context, ch *whaley.Challenge, in *whaley.Instance) whaley.SolverRun {
	run := whaley.SolverRun{
		ID: uuid.NewString(), Challenge: ch.ID, Revision: in.Revision, State: whaley.SolverUnknown, Cause: whaley.SolveAsked,
		At: time.Now().UTC(), Started: in.StartedAt.Sub(in.CreatedAt),
	}
	if err := s.prepare(ctx, ch); err != nil {
		return because(run, "the solver's image is not there", err)
	}
	flags, err := s.wanted(ctx, in.Owner, ch)
	if err != nil {
		return because(run, "the instance's flag is not known", err)
	}
	return s.solve(ctx, ch, in, flags, run)
}

// FlagsOf are the flags that an instance of an owner has: the owner's own, or those that everybody has.
func (s *Solvers) FlagsOf(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	return s.flags(ctx, owner, ch)
}
