package solver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	longestStart = 15 * time.Minute // of an instance, with its turn in the queue
	cleaning     = 2 * time.Minute
)

// once solves a challenge and says how that went. What it started is gone afterwards, also when ctx is over.
func (s *Solvers) once(ctx context.Context, ch *whaley.Challenge, cause string) whaley.SolverRun {
	run := whaley.SolverRun{
		ID: uuid.NewString(), Challenge: ch.ID, Revision: ch.Revision, State: whaley.SolverUnknown, Cause: cause,
		At: time.Now().UTC(),
	}
	if err := s.prepare(ctx, ch); err != nil {
		return because(run, "the solver's image is not there", err)
	}
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	owner := whaley.SolverOwner(hex.EncodeToString(name[:]))
	in, err := s.Instances.SpawnThrowAway(ctx, owner, ch.ID, longestStart+ch.Solver.Timeout)
	if err != nil {
		return because(run, "no instance could be started", err)
	}
	defer s.throwAway(ctx, in)
	starting, cancelStart := context.WithTimeout(ctx, longestStart)
	defer cancelStart()
	in, err = s.Instances.AwaitState(starting, in, whaley.Running)
	run.Started = time.Since(run.At)
	switch {
	case err != nil:
		return because(run, "the instance was not ready in time", err)
	case in.State != whaley.Running && ofHost(in.Reason):
		return because(run, "no instance could be started", reasonOf(in))
	case in.State != whaley.Running:
		run.State = whaley.SolverRed
		return because(run, "the instance did not start", reasonOf(in))
	case in.Revision != ch.Revision:
		run.Revision, run.Reason = in.Revision, "the instance is of another revision, whose images were there"
		return run
	}
	flags, err := s.wanted(ctx, owner, ch)
	if err != nil {
		return because(run, "the instance's flag is not known", err)
	}
	return s.solve(ctx, ch, in, flags, run)
}

// prepare makes sure that an image of a solver's own is there. That of a service is, once an instance runs.
func (s *Solvers) prepare(ctx context.Context, ch *whaley.Challenge) error {
	if ch.Solver.Image == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, longestStart)
	defer cancel()
	return s.Box.PrepareSolver(ctx, ch)
}

// solve runs a solver against an instance and looks for the flags.
func (s *Solvers) solve(
	ctx context.Context, ch *whaley.Challenge, in *whaley.Instance, flags []string, run whaley.SolverRun,
) whaley.SolverRun {
	solving, cancel := context.WithTimeout(ctx, ch.Solver.Timeout)
	defer cancel()
	seen := newWatch(flags, cancel)
	began := time.Now()
	exit, err := s.Box.Solve(solving, jobOf(ch, in), seen, aside{seen})
	run.Took, run.Output = time.Since(began), seen.output()
	missing := seen.missing()
	switch {
	case len(flags) > 0 && missing == 0:
		run.State = whaley.SolverGreen
	case ctx.Err() != nil:
		return because(run, "it was interrupted", ctx.Err())
	case seen.tooMuch():
		run.State = whaley.SolverRed
		run.Reason = fmt.Sprintf("it was ended after it had printed %d MB without the flag", maxPrinted>>20)
	case solving.Err() != nil:
		run.State, run.Reason = whaley.SolverRed, fmt.Sprintf("it was ended after %s without the flag", ch.Solver.Timeout)
	case err != nil:
		return because(run, "the solver could not be run", err)
	case exit == 126 || exit == 127:
		run.Reason = fmt.Sprintf(
			"the solver could not be run (exit code %d): what it needs is not in the image. Name one that has it: [solver] image in instance.toml",
			exit,
		)
	case missing > 0:
		run.State = whaley.SolverRed
		run.Reason = fmt.Sprintf("%d of %d flags of this instance did not come out (exit code %d)", missing, len(flags), exit)
	case exit == 0 && ch.Solver.Health:
		run.State = whaley.SolverGreen
		run.Reason = "it is a health check: that the flag comes out is not said"
	case exit == 0:
		run.State = whaley.SolverGreen
		run.Reason = "the challenge's flag is not known, so only that its solver succeeds counts: give instance.toml a [flag] text"
	default:
		run.State, run.Reason = whaley.SolverRed, fmt.Sprintf("it ended with exit code %d", exit)
	}
	return run
}

// wanted is what has to come out: nothing of a health check.
func (s *Solvers) wanted(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	if ch.Solver.Health {
		return nil, nil
	}
	return s.flags(ctx, owner, ch)
}

// flags are those of an instance: the owner's own, or else the one that everybody has.
func (s *Solvers) flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	if ch.Flag.Dynamic {
		return s.Flags.Flags(ctx, owner, ch)
	}
	var all []string
	for _, f := range ch.Flag.Forms() {
		if f.Text != "" {
			all = append(all, f.Text)
		}
	}
	return all, nil
}

// throwAway takes an instance down, and all that is known of it.
func (s *Solvers) throwAway(ctx context.Context, in *whaley.Instance) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
	defer cancel()
	if err := s.Instances.End(ctx, in.ID, whaley.CauseAdmin); err != nil {
		s.Log.WarnContext(ctx, "instance of a solver not ended, its time ends it", "instance", in.ID, "err", err)
		return
	}
	if _, err := s.Instances.AwaitState(ctx, in, whaley.Stopped); err != nil {
		s.Log.WarnContext(ctx, "instance of a solver is still there", "instance", in.ID, "err", err)
		return
	}
	if err := s.Store.ForgetSynthetic(ctx); err != nil {
		s.Log.WarnContext(ctx, "rows of solvers' instances not removed", "err", err)
	}
}

// hostCodes are of refusals that say nothing of the challenge.
var hostCodes = []string{
	whaley.CodeHostFull, whaley.CodeStandby, whaley.CodePortTaken, whaley.CodeSubnetTaken, "engine_unavailable", "ports_exhausted",
	"subnets_exhausted", "shutting_down", "disk_short",
}

func ofHost(reason *whaley.Error) bool {
	return reason == nil || slices.Contains(hostCodes, reason.Code)
}

// because adds why to a run.
func because(run whaley.SolverRun, what string, err error) whaley.SolverRun {
	run.Reason = what
	var e *whaley.Error
	switch {
	case errors.As(err, &e):
		run.Reason += ": " + e.Detail
	case err != nil:
		run.Reason += ": " + err.Error()
	}
	return run
}

// reasonOf is why an instance ended; nil where its row does not say.
func reasonOf(in *whaley.Instance) error {
	if in.Reason == nil {
		return nil
	}
	return in.Reason
}
