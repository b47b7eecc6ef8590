package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/trial"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// trialJSON is a draft that is tried.
type trialJSON struct {
	State     string           `json:"state"` // building, starting, running, failed, ended
	Stage     string           `json:"stage"` // of the start
	Instance  string           `json:"instance"`
	By        string           `json:"by"`
	At        time.Time        `json:"at"`
	ExpiresAt *time.Time       `json:"expires_at"`
	Routes    []kit.RouteJSON  `json:"routes"`
	Flags     []string         `json:"flags"` // of this instance
	Reason    string           `json:"reason"`
	Log       string           `json:"log"` // the end of the build's
	Printed   []whaley.Printed `json:"printed"`
	Solving   bool             `json:"solving"`
	Solved    *solverRunJSON   `json:"solved"` // nil: not yet, or it has no solver
}

func (a Handlers) trial(t trial.Trial) trialJSON {
	in := a.Instancer.Staged(t.Instance)
	j := trialJSON{
		State: string(t.State), Stage: in.Stage, Instance: in.ID, By: t.By, At: t.At, ExpiresAt: kit.Moment(in.ExpiresAt),
		Routes: []kit.RouteJSON{}, Flags: append([]string{}, t.Flags...), Reason: t.Reason,
		Log: strings.ToValidUTF8(t.Log, "\uFFFD"), Printed: append([]whaley.Printed{}, t.Printed...), Solving: t.Solving,
	}
	if t.State == trial.Running {
		j.Routes = a.Routes(in.Challenge, in.Routes, in.Owner.ID, in)
	}
	if t.Solved != nil {
		solved := solverRun(*t.Solved)
		j.Solved = &solved
	}
	return j
}

// BeginTrial answers POST /admin/api/drafts/{id}/trial.
func (a Handlers) BeginTrial(w http.ResponseWriter, r *http.Request) error {
	if a.Trials == nil {
		return kit.ErrNotFound
	}
	id := kit.IDOf(r)
	t, err := a.Trials.Begin(r.Context(), id, adminOf(r))
	if err != nil {
		return withProblems(err)
	}
	a.audit(r, whaley.Event{Type: "admin_draft", Challenge: id, Message: "draft tried"})
	return kit.Write(w, http.StatusAccepted, a.trial(t))
}

// GetTrial answers GET /admin/api/drafts/{id}/trial: also that there is none, which is no failure.
func (a Handlers) GetTrial(w http.ResponseWriter, r *http.Request) error {
	if a.Trials == nil {
		return kit.ErrNotFound
	}
	var answer struct {
		Trial *trialJSON `json:"trial"` // nil: there is none
	}
	if t, tried := a.Trials.Of(r.Context(), kit.IDOf(r)); tried {
		j := a.trial(t)
		answer.Trial = &j
	}
	return kit.Write(w, http.StatusOK, answer)
}

// EndTrial answers DELETE /admin/api/drafts/{id}/trial.
func (a Handlers) EndTrial(w http.ResponseWriter, r *http.Request) error {
	if a.Trials == nil {
		return kit.ErrNotFound
	}
	if err := a.Trials.End(r.Context(), kit.IDOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endTrial ends what is tried of a draft that is no more.
func (a Handlers) endTrial(r *http.Request, id string) {
	if a.Trials == nil {
		return
	}
	if err := a.Trials.End(r.Context(), id); err != nil {
		a.Log.WarnContext(r.Context(), "trial not ended, its time ends it", "draft", id, "err", err)
	}
}
