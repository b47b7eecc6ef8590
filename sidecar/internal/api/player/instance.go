package player

import (
	"context"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type listJSON struct {
	Instances []kit.InstanceJSON `json:"instances"`
	Now       time.Time          `json:"now"`
}

// flagStates says for an owner's challenges whether CTFd knows the owner's flag.
func (a Handlers) flagStates(ctx context.Context, owner string) (map[string]whaley.FlagState, error) {
	if a.Flags == nil || owner == "" {
		return nil, nil
	}
	return a.Flags.States(ctx, owner)
}

// answerInstance answers an owner's instance.
func (a Handlers) answerInstance(w http.ResponseWriter, r *http.Request, status int, in *whaley.Instance) error {
	flags, err := a.flagStates(r.Context(), in.Owner.ID)
	if err != nil {
		return err
	}
	return kit.Write(w, status, a.Instance(in).With(flags))
}

func (a Handlers) list(ctx context.Context, p whaley.Player) (listJSON, error) {
	all, err := a.Instancer.List(ctx, p)
	list := listJSON{Instances: []kit.InstanceJSON{}, Now: time.Now().UTC()}
	if err != nil || len(all) == 0 {
		return list, err
	}
	flags, err := a.flagStates(ctx, p.Owner.ID)
	for _, in := range all {
		list.Instances = append(list.Instances, a.Instance(in).With(flags))
	}
	return list, err
}

// ListInstances answers GET /instances.
func (a Handlers) ListInstances(w http.ResponseWriter, r *http.Request) error {
	list, err := a.list(r.Context(), a.Player(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, list)
}

// GetInstance answers GET /instances/{id}.
func (a Handlers) GetInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Get(r.Context(), a.Player(r), kit.IDOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusOK, in)
}

type spawnRequest struct {
	ChallengeID string `json:"challenge_id"`
}

func (s spawnRequest) Valid() error {
	if s.ChallengeID == "" {
		return whaley.Errorf(whaley.Invalid, "challenge_missing", "challenge_id is missing.")
	}
	return nil
}

// SpawnInstance answers 202 at once, or with ?wait= 201 when the instance runs in time.
func (a Handlers) SpawnInstance(w http.ResponseWriter, r *http.Request) error {
	wait, err := kit.Waiting(r)
	if err != nil {
		return err
	}
	request, err := kit.Decode[spawnRequest](w, r)
	if err != nil {
		return err
	}
	p := a.Player(r)
	in, err := a.Instancer.Spawn(r.Context(), p, request.ChallengeID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.Ctx, cancel)()
	kit.EndTurn(ctx)
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

// StopInstance answers DELETE /instances/{id}.
func (a Handlers) StopInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Stop(r.Context(), a.Player(r), kit.IDOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusAccepted, in)
}

// ExtendInstance answers POST /instances/{id}/extend.
func (a Handlers) ExtendInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.Extend(r.Context(), a.Player(r), kit.IDOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusOK, in)
}

// RestartInstance answers once the old instance is gone and the new one is on its way.
func (a Handlers) RestartInstance(w http.ResponseWriter, r *http.Request) error {
	in, err := a.Instancer.RestartFor(r.Context(), a.Player(r), kit.IDOf(r))
	if err != nil {
		return err
	}
	return a.answerInstance(w, r, http.StatusAccepted, in)
}
