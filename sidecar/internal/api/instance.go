package api

import (
	"context"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type instanceJSON struct {
	ID            string        `json:"id"`
	ChallengeID   string        `json:"challenge_id"`
	ChallengeName string        `json:"challenge_name"`
	State         string        `json:"state"`
	Stage         string        `json:"stage"`
	Position      int           `json:"position"`
	EstimateMS    int64         `json:"estimate_ms"`
	Owner         ownerJSON     `json:"owner"`
	Routes        []routeJSON   `json:"routes"`
	CreatedAt     time.Time     `json:"created_at"`
	StartedAt     *time.Time    `json:"started_at"`
	ExpiresAt     *time.Time    `json:"expires_at"`
	ElapsedMS     int64         `json:"elapsed_ms"`
	Extend        extendJSON    `json:"extend"`
	Problem       *wire.Problem `json:"problem"`
	Flag          string        `json:"flag_state"`
	Version       int64         `json:"version"`
}

type extendJSON struct {
	Step    int        `json:"step"` // seconds
	From    *time.Time `json:"from"`
	Left    int        `json:"left"` // seconds
	Allowed bool       `json:"allowed"`
}

type listJSON struct {
	Instances []instanceJSON `json:"instances"`
	Now       time.Time      `json:"now"`
}

func (a *API) instance(in *whaley.Instance) instanceJSON {
	now := time.Now()
	j := instanceJSON{
		ID: in.ID, ChallengeID: in.Challenge, ChallengeName: in.Challenge, State: string(in.State), Stage: in.Stage,
		Position: a.Instancer.Position(in.ID), EstimateMS: a.Instancer.Estimate(in.ID).Milliseconds(),
		Owner:     ownerJSON{in.Owner.ID, in.Owner.Name},
		CreatedAt: in.CreatedAt, StartedAt: moment(in.StartedAt), ExpiresAt: moment(in.ExpiresAt),
		ElapsedMS: max(0, now.Sub(in.CreatedAt).Milliseconds()), Version: in.Version,
	}
	if in.Terms.Name != "" {
		j.ChallengeName = in.Terms.Name
	}
	j.Routes = a.routes(in.Challenge, in.Routes, in.Owner.ID, in)
	rule := a.Instancer.Extension(in)
	j.Extend = extendJSON{
		Step: int(rule.Step.Seconds()), From: moment(rule.From), Left: int(rule.Left.Seconds()),
		Allowed: rule.Step > 0 && !now.Before(rule.From),
	}
	if in.Reason != nil {
		reason := *in.Reason
		reason.RetryAfter = max(0, in.EndedAt.Add(reason.RetryAfter).Sub(now))
		p := problemOf(&reason)
		j.Problem = &p
	}
	return j
}

// flagStates says for an owner's challenges whether CTFd knows the owner's flag.
func (a *API) flagStates(ctx context.Context, owner string) (map[string]whaley.FlagState, error) {
	if a.Flags == nil || owner == "" {
		return nil, nil
	}
	return a.Flags.States(ctx, owner)
}

func (j instanceJSON) with(flags map[string]whaley.FlagState) instanceJSON {
	j.Flag = string(flags[j.ChallengeID])
	return j
}

// answerInstance answers an owner's instance.
func (a *API) answerInstance(w http.ResponseWriter, r *http.Request, status int, in *whaley.Instance) error {
	flags, err := a.flagStates(r.Context(), in.Owner.ID)
	if err != nil {
		return err
	}
	return write(w, status, a.instance(in).with(flags))
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (a *API) list(ctx context.Context, p whaley.Player) (listJSON, error) {
	all, err := a.Instancer.List(ctx, p)
	list := listJSON{Instances: []instanceJSON{}, Now: time.Now().UTC()}
	if err != nil || len(all) == 0 {
		return list, err
	}
	flags, err := a.flagStates(ctx, p.Owner.ID)
	for _, in := range all {
		list.Instances = append(list.Instances, a.instance(in).with(flags))
	}
	return list, err
}

func (a *API) listInstances(w http.ResponseWriter, r *http.Request) error {
	list, err := a.list(r.Context(), a.player(r))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, list)
}

func (a *API) getInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Get(r.Context(), a.player(r), idOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusOK, in)
}

type spawnRequest struct {
	ChallengeID string `json:"challenge_id"`
}

func (s spawnRequest) valid() error {
	if s.ChallengeID == "" {
		return whaley.Errorf(whaley.Invalid, "challenge_missing", "challenge_id is missing.")
	}
	return nil
}

// spawnInstance answers 202 at once, or with ?wait= 201 when the instance runs in time.
func (a *API) spawnInstance(w http.ResponseWriter, r *http.Request) error {
	wait, err := waiting(r)
	if err != nil {
		return err
	}
	request, err := decode[spawnRequest](w, r)
	if err != nil {
		return err
	}
	p := a.player(r)
	in, err := a.Instancer.Spawn(r.Context(), p, request.ChallengeID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	endTurn(ctx)
	for ctx.Err() == nil && (in.State == whaley.Queued || in.State == whaley.Starting) {
		if in, err = a.Instancer.Await(ctx, p, in.ID, in.Version); err != nil {
			return err
		}
	}
	if in.State == whaley.Running {
		return a.answerInstance(w, r, http.StatusCreated, in)
	}
	return a.answerInstance(w, r, http.StatusAccepted, in)
}

func (a *API) stopInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Stop(r.Context(), a.player(r), idOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusAccepted, in)
}

func (a *API) extendInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Extend(r.Context(), a.player(r), idOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusOK, in)
}

// restartInstance answers once the old instance is gone and the new one is on its way.
func (a *API) restartInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.RestartFor(r.Context(), a.player(r), idOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusAccepted, in)
}
