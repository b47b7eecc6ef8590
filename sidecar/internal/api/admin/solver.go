package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/solver"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// openingWait is how long opening a challenge waits for its solver.
const openingWait = 30 * time.Second

// solverRunJSON is one run of a solver.
type solverRunJSON struct {
	State     string    `json:"state"` // green, red, unknown
	Revision  string    `json:"revision"`
	Reason    string    `json:"reason"`
	Cause     string    `json:"cause"` // build, interval, asked, opening
	At        time.Time `json:"at"`
	StartedMS int64     `json:"started_ms"` // until the instance ran
	TookMS    int64     `json:"took_ms"`    // of the solver
	Output    string    `json:"output"`     // its end
}

// solverJSON is what is known of a challenge's solver.
type solverJSON struct {
	Challenge string         `json:"challenge"`
	Running   bool           `json:"running"` // or waiting for its turn
	Current   bool           `json:"current"` // last is of the revision that is loaded
	Last      *solverRunJSON `json:"last"`
}

func solverRun(r whaley.SolverRun) solverRunJSON {
	return solverRunJSON{
		State: string(r.State), Revision: r.Revision, Reason: r.Reason, Cause: r.Cause, At: r.At.UTC(),
		StartedMS: r.Started.Milliseconds(), TookMS: r.Took.Milliseconds(), Output: r.Output,
	}
}

func solverStatus(st solver.Status) solverJSON {
	j := solverJSON{Challenge: st.Challenge, Running: st.Running, Current: st.Current}
	if st.Last != nil {
		last := solverRun(*st.Last)
		j.Last = &last
	}
	return j
}

// ListSolvers answers GET /admin/api/solvers.
func (a Handlers) ListSolvers(w http.ResponseWriter, _ *http.Request) error {
	all := []solverJSON{}
	if a.Solvers != nil {
		for _, st := range a.Solvers.All() {
			all = append(all, solverStatus(st))
		}
	}
	return kit.Write(w, http.StatusOK, map[string]any{"solvers": all})
}

// GetSolver answers GET /admin/api/challenges/{id}/solver.
func (a Handlers) GetSolver(w http.ResponseWriter, r *http.Request) error {
	if a.Solvers == nil {
		return kit.ErrNotFound
	}
	st, runs, err := a.Solvers.Of(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	answer := struct {
		solverJSON
		Runs []solverRunJSON `json:"runs"`
	}{solverStatus(st), []solverRunJSON{}}
	for _, run := range runs {
		answer.Runs = append(answer.Runs, solverRun(run))
	}
	return kit.Write(w, http.StatusOK, answer)
}

// AskSolver answers POST /admin/api/challenges/{id}/solver.
func (a Handlers) AskSolver(w http.ResponseWriter, r *http.Request) error {
	if a.Solvers == nil {
		return kit.ErrNotFound
	}
	if err := a.Solvers.Ask(kit.IDOf(r), whaley.SolveAsked); err != nil {
		return err
	}
	st, _, err := a.Solvers.Of(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, solverStatus(st))
}

// solvable says why a challenge is not to be opened.
func (a Handlers) solvable(r *http.Request, challenge string) error {
	if a.Solvers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), openingWait)
	defer cancel()
	return a.Solvers.Before(ctx, challenge)
}
