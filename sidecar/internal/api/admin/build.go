package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type buildJSON struct {
	Challenge string           `json:"challenge"`
	Revision  string           `json:"revision"`
	State     string           `json:"state"`
	Stages    []buildStageJSON `json:"stages"`
	Log       string           `json:"log"`       // its end
	Placing   string           `json:"placing"`   // how flags get into instances
	PerOwner  bool             `json:"per_owner"` // by a build for each owner
	Owners    []ownerBuildJSON `json:"owners"`
	Reason    *string          `json:"reason"`
	StartedAt *time.Time       `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at"`
}

type buildStageJSON struct {
	Name      string     `json:"name"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	Failed    bool       `json:"failed"`
}

type ownerBuildJSON struct {
	Owner    string    `json:"owner"`
	Revision string    `json:"revision"`
	Instance string    `json:"instance"`
	At       time.Time `json:"at"`
	TookMS   int64     `json:"took_ms"`
	Failed   bool      `json:"failed"`
}

func (a Handlers) build(st whaley.BuildStatus) buildJSON {
	j := buildJSON{
		Challenge: st.Challenge, Revision: st.Revision, State: string(st.State), Stages: []buildStageJSON{},
		Log:     strings.ToValidUTF8(st.Log, "\uFFFD"),
		Placing: st.Placing, PerOwner: st.PerOwner, Owners: []ownerBuildJSON{}, StartedAt: known(st.StartedAt),
		EndedAt: known(st.EndedAt),
	}
	if st.Reason != nil {
		j.Reason = &st.Reason.Detail
	}
	for _, s := range st.Stages {
		j.Stages = append(j.Stages, buildStageJSON{s.Name, s.StartedAt, known(s.EndedAt), s.Failed})
	}
	for _, o := range st.Owners {
		j.Owners = append(j.Owners, ownerBuildJSON{o.Owner, o.Revision, o.Instance, o.At, o.Took.Milliseconds(), o.Failed})
	}
	return j
}

// known is a time, or null if it is none yet.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// GetBuild answers with the state of a challenge's images: at once; with ?wait= when the build is over or the time is;
// or as server-sent events at each change.
func (a Handlers) GetBuild(w http.ResponseWriter, r *http.Request) error {
	wait, err := kit.Waiting(r)
	if err != nil {
		return err
	}
	st, changed, err := a.Instancer.BuildStatus(kit.IDOf(r))
	if err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return a.streamBuild(w, r, st, changed)
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for st.EndedAt.IsZero() && ctx.Err() == nil {
		select {
		case <-changed:
			if st, changed, err = a.Instancer.BuildStatus(kit.IDOf(r)); err != nil {
				return err
			}
		case <-ctx.Done():
		}
	}
	return kit.Write(w, http.StatusOK, a.build(st))
}

func (a Handlers) streamBuild(
	w http.ResponseWriter, r *http.Request, st whaley.BuildStatus, changed <-chan struct{},
) error {
	out, err := a.FollowAsAdmin(w, r)
	if err != nil {
		return err
	}
	defer out.Close()
	for {
		if out.Send("build", a.build(st)) != nil {
			return nil
		}
		for waits := true; waits; {
			select {
			case <-changed:
				waits = false
			case <-out.Alive.C:
				if out.Breathe() != nil {
					return nil
				}
			case <-out.Done():
				return nil
			}
		}
		time.Sleep(kit.EventPause) // a builder prints many lines at once
		if st, changed, err = a.Instancer.BuildStatus(kit.IDOf(r)); err != nil {
			return nil
		}
	}
}

// BuildAgain builds a challenge's images from scratch.
func (a Handlers) BuildAgain(w http.ResponseWriter, r *http.Request) error {
	if err := a.Instancer.BuildAgain(kit.IDOf(r)); err != nil {
		return err
	}
	a.audit(r, whaley.Event{Type: "admin_build", Challenge: kit.IDOf(r), Message: "built " + kit.IDOf(r) + " again"})
	st, _, err := a.Instancer.BuildStatus(kit.IDOf(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusAccepted, a.build(st))
}
