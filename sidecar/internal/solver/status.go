package solver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Status is what is known of a challenge's solver.
type Status struct {
	Challenge string
	Running   bool // or about to be run
	Current   bool // Last is of the revision that is loaded
	Last      *whaley.SolverRun
}

// All are the challenges that have a solver, in the order in which they are loaded.
func (s *Solvers) All() (all []Status) {
	for _, ch := range s.Challenges.All() {
		if ch.Solver != nil {
			all = append(all, s.status(ch))
		}
	}
	return all
}

func (s *Solvers) status(ch *whaley.Challenge) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Challenge: ch.ID, Running: s.busy == ch.ID || s.waits(ch.ID)}
	if last, known := s.latest[ch.ID]; known {
		st.Last, st.Current = &last, last.Revision == ch.Revision
	}
	return st
}

// Of is what is known of one challenge's solver, and its kept runs.
func (s *Solvers) Of(ctx context.Context, challenge string) (Status, []whaley.SolverRun, error) {
	ch, ok := s.Challenges.Get(challenge)
	if !ok {
		return Status{}, nil, whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	runs, err := s.Store.SolverRuns(ctx, challenge)
	return s.status(ch), runs, err
}

// Red are the challenges whose last run was, as they are loaded.
func (s *Solvers) Red() (all []string) {
	for _, st := range s.All() {
		if st.Current && st.Last.State == whaley.SolverRed {
			all = append(all, st.Challenge)
		}
	}
	return all
}

// Ping names what is red.
func (s *Solvers) Ping(context.Context) error {
	if red := s.Red(); len(red) > 0 {
		return fmt.Errorf("not solved by their own solvers: %s", strings.Join(red, ", "))
	}
	return nil
}

// Before says why a challenge is not to be opened: its solver is red. One that was not run with the loaded revision,
// and that is run by itself, is run now; what its solver says counts if it comes before ctx ends.
func (s *Solvers) Before(ctx context.Context, challenge string) error {
	ch, ok := s.Challenges.Get(challenge)
	if !ok || ch.Solver == nil {
		return nil
	}
	st := s.status(ch)
	if !st.Current && (ch.Solver.Named || s.Every() > 0) && s.Instances.BuildState(ch.ID) == whaley.BuildReady {
		s.ask(challenge, whaley.SolveOpening)
		var err error
		if st, err = s.await(ctx, ch); err != nil {
			return whaley.Errorf(
				whaley.Conflict, "solver_running",
				"The solver of %s is still running. Open it when that is over, or open it anyhow (force).", challenge,
			)
		}
	}
	if st.Current && st.Last.State == whaley.SolverRed {
		return whaley.Errorf(
			whaley.Conflict, "solver_red",
			"%s is not opened: its own solver did not solve it (%s). Fix it, or open it anyhow (force).", challenge,
			strings.TrimSuffix(st.Last.Reason, "."),
		)
	}
	return nil
}

// await returns once a challenge's solver neither runs nor waits.
func (s *Solvers) await(ctx context.Context, ch *whaley.Challenge) (Status, error) {
	for {
		s.mu.Lock()
		changed, over := s.changed, s.busy != ch.ID && !s.waits(ch.ID)
		s.mu.Unlock()
		if over {
			return s.status(ch), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Status{}, ctx.Err()
		}
	}
}

// Measured are the last runs of the challenges that they say something of.
func (s *Solvers) Measured() map[string]whaley.SolverRun {
	all := map[string]whaley.SolverRun{}
	for _, st := range s.All() {
		if st.Last != nil && slices.Contains([]whaley.SolverState{whaley.SolverGreen, whaley.SolverRed}, st.Last.State) {
			all[st.Challenge] = *st.Last
		}
	}
	return all
}
