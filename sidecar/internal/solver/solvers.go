package solver

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lookEvery is how often it is looked what is due.
const lookEvery = 3 * time.Second

// Solvers run solvers, one at a time.
type Solvers struct {
	Needs

	mu      sync.Mutex
	latest  map[string]whaley.SolverRun // challenge → its last run
	waiting []asked
	busy    string        // the challenge that is being solved; empty: none
	changed chan struct{} // closed at the next change
	kick    chan struct{}
}

type asked struct{ challenge, cause string }

// New makes Solvers that do nothing before Run.
func New(needs Needs) *Solvers {
	return &Solvers{
		Needs: needs, latest: map[string]whaley.SolverRun{}, changed: make(chan struct{}), kick: make(chan struct{}, 1),
	}
}

// Run takes away what a process before has left, and then solves what is asked for or due until ctx ends.
func (s *Solvers) Run(ctx context.Context) error {
	s.begin(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for next, any := s.next(); any && ctx.Err() == nil; next, any = s.next() {
			s.work(ctx, next)
		}
		select {
		case <-tick.C:
			s.due()
		case <-s.kick:
		case <-ctx.Done():
			return nil
		}
	}
}

// begin reads what is known and removes what is left of runs that were broken off.
func (s *Solvers) begin(ctx context.Context) {
	runs, err := s.Store.LatestSolverRuns(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "earlier runs of solvers not read", "err", err)
	}
	s.change(func() {
		for _, run := range runs {
			s.latest[run.Challenge] = run
		}
	})
	if err := s.Box.RemoveSolvers(ctx); err != nil {
		s.Log.WarnContext(ctx, "containers of earlier solvers not removed", "err", err)
	}
	live, err := s.Store.SyntheticLive(ctx, "")
	for _, in := range live {
		if _, plays := whaley.RehearsalOf(in.Owner.ID); err == nil && !plays {
			err = s.Instances.End(ctx, in.ID, whaley.CauseAdmin)
		}
	}
	if err == nil {
		err = s.Store.ForgetSynthetic(ctx)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "instances of earlier solvers not ended, their time ends them", "err", err)
	}
}

func (s *Solvers) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

// next is what is solved now; it is busy until it is worked.
func (s *Solvers) next() (next asked, any bool) {
	s.change(func() {
		if any = len(s.waiting) > 0; any {
			next, s.waiting = s.waiting[0], s.waiting[1:]
			s.busy = next.challenge
		}
	})
	return next, any
}

func (s *Solvers) work(ctx context.Context, next asked) {
	defer s.change(func() { s.busy = "" })
	ch, ok := s.Challenges.Get(next.challenge)
	if !ok || ch.Solver == nil {
		return
	}
	run := s.once(ctx, ch, next.cause)
	if ctx.Err() != nil {
		return // it says nothing of the challenge
	}
	if err := s.Store.KeepSolverRun(ctx, run, s.news(run)); err != nil {
		s.Log.ErrorContext(ctx, "run of a solver not kept", "challenge", ch.ID, "err", err)
	}
	s.Log.InfoContext(
		ctx, "solver ended", "challenge", ch.ID, "state", run.State, "took", run.Took, "reason", run.Reason, "cause", run.Cause,
	)
	s.change(func() { s.latest[ch.ID] = run })
}

// news is the event of a challenge that has become red, or green again.
func (s *Solvers) news(run whaley.SolverRun) whaley.Event {
	s.mu.Lock()
	before := s.latest[run.Challenge]
	s.mu.Unlock()
	ev := whaley.Event{Challenge: run.Challenge, At: time.Now().UTC()}
	switch {
	case run.State == whaley.SolverRed && before.State != whaley.SolverRed:
		ev.Type, ev.Message = "solver_red", "The challenge was not solved: "+run.Reason+"."
	case run.State == whaley.SolverGreen && before.State == whaley.SolverRed:
		ev.Type, ev.Message = "solver_green", fmt.Sprintf("The challenge is solved again, in %s.", run.Took.Round(time.Millisecond))
	}
	return ev
}

// due puts into the queue what it is time to solve. A solver that no [solver] names may be made for its author's
// laptop, so it is run by itself only where organisers want solvers to be run again and again.
func (s *Solvers) due() {
	every := s.Every()
	for _, ch := range s.Challenges.All() {
		if ch.Solver == nil || every == 0 && !ch.Solver.Named || s.Instances.BuildState(ch.ID) != whaley.BuildReady {
			continue
		}
		s.mu.Lock()
		last, known := s.latest[ch.ID]
		s.mu.Unlock()
		switch {
		case !known || last.Revision != ch.Revision:
			s.ask(ch.ID, whaley.SolveBuilt)
		case every > 0 && time.Since(last.At) >= every:
			s.ask(ch.ID, whaley.SolveInterval)
		}
	}
}

// Ask has a challenge solved soon. What waits for that already, or is being solved, is not put into the queue again.
func (s *Solvers) Ask(challenge, cause string) error {
	ch, ok := s.Challenges.Get(challenge)
	switch {
	case !ok:
		return whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	case ch.Solver == nil:
		return whaley.Errorf(
			whaley.Conflict, "solver_missing",
			"%s has no solver. Put a solve.sh or solve.py that prints the flag beside its instance.toml, or name one in its [solver].",
			challenge,
		)
	}
	s.ask(challenge, cause)
	return nil
}

func (s *Solvers) ask(challenge, cause string) {
	s.change(func() {
		if s.busy == challenge || s.waits(challenge) {
			return
		}
		s.waiting = append(s.waiting, asked{challenge, cause})
		select {
		case s.kick <- struct{}{}:
		default:
		}
	})
}

func (s *Solvers) waits(challenge string) bool {
	return slices.ContainsFunc(s.waiting, func(a asked) bool { return a.challenge == challenge })
}
