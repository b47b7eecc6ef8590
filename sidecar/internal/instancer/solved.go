package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const solvedEvery = 15 * time.Second // between two looks at who has solved what they have an instance of

// Solves know when owners solved what.
type Solves interface {
	// SolvedAt is when an owner solved challenges, by challenge.
	SolvedAt(ctx context.Context, owner string) (map[string]time.Time, error)
}

// solvedLoop has instances end some time after their owner has solved the challenge.
func (i *Instancer) solvedLoop(ctx context.Context) error {
	if i.Solves == nil {
		return nil
	}
	for loop.Sleep(ctx, solvedEvery) == nil {
		if err := i.endSolved(ctx); err != nil && ctx.Err() == nil {
			i.Log.Warn("not known who has solved what, nothing ends for it", "err", err)
		}
	}
	return nil
}

// endSolved gives each instance whose owner has solved its challenge since it was asked for the time that is left then.
// Once: its owner may extend it, or start another one to look at it again.
func (i *Instancer) endSolved(ctx context.Context) error {
	live, err := i.Store.LiveWith(ctx, whaley.TermStopOnSolve)
	if err != nil {
		return err
	}
	solved := map[string]map[string]time.Time{} // of owners
	for _, in := range live {
		if !in.State.Timed() || in.Terms.StopOnSolve <= 0 || in.Terms.Solved {
			continue
		}
		if _, asked := solved[in.Owner.ID]; !asked {
			if solved[in.Owner.ID], err = i.Solves.SolvedAt(ctx, in.Owner.ID); err != nil {
				return err
			}
		}
		if solved[in.Owner.ID][in.Challenge].After(in.CreatedAt) {
			i.endSoon(ctx, in)
		}
	}
	return nil
}

func (i *Instancer) endSoon(ctx context.Context, in *whaley.Instance) {
	now, after := i.now(), in.Terms.StopOnSolve
	ending, err := i.Store.Update(ctx, in.ID, timed, func(in *whaley.Instance) {
		if in.Terms.Solved = true; now.Add(after).Before(in.ExpiresAt) {
			in.ExpiresAt = now.Add(after)
		}
	}, whaley.Event{
		Type: "instance_solved", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player, At: now,
		Message: "Solved: ends within " + after.String(),
	})
	if err != nil {
		return // it ends already, or the next look comes
	}
	i.changed(ending)
}
