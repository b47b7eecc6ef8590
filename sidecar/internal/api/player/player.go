package player

import (
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type meJSON struct {
	User         kit.OwnerJSON `json:"user"`
	Owner        kit.OwnerJSON `json:"owner"`
	AuthMode     string        `json:"auth_mode"`
	TeamMode     bool          `json:"team_mode"`
	Instances    int           `json:"instances"`
	MaxInstances int           `json:"max_instances"`
}

func (a Handlers) me(r *http.Request, p whaley.Player) (meJSON, error) {
	all, err := a.Instancer.List(r.Context(), p)
	me := meJSON{
		User: kit.OwnerJSON{ID: p.ID, Name: p.Name}, Owner: kit.OwnerJSON{ID: p.Owner.ID, Name: p.Owner.Name},
		AuthMode: a.Opts.AuthMode, TeamMode: p.InTeam(), MaxInstances: a.Instancer.Allowed(p),
	}
	for _, in := range all {
		if in.State.Live() {
			me.Instances++
		}
	}
	return me, err
}

// GetMe answers GET /me.
func (a Handlers) GetMe(w http.ResponseWriter, r *http.Request) error {
	me, err := a.me(r, a.Player(r))
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, me)
}

type teamJSON struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Members []kit.OwnerJSON `json:"members"`
}

// GetTeam answers GET /me/team.
func (a Handlers) GetTeam(w http.ResponseWriter, r *http.Request) error {
	if p := a.Player(r); a.Members != nil && p.InTeam() { // of the others nothing is known
		return kit.Write(w, http.StatusOK, teamJSON{ID: p.Owner.ID, Name: p.Owner.Name, Members: []kit.OwnerJSON{{ID: p.ID, Name: p.Name}}})
	}
	if a.Players == nil {
		return whaley.Errorf(whaley.NotFound, "no_team", "This event is not played in teams.")
	}
	p := a.Player(r)
	_, members, err := a.Players.Team(r.Context(), p)
	if err != nil {
		return err
	}
	team := teamJSON{ID: p.Owner.ID, Name: p.Owner.Name, Members: []kit.OwnerJSON{}}
	for _, m := range members {
		team.Members = append(team.Members, kit.OwnerJSON{ID: whaley.UserID(m.ID), Name: m.Name})
	}
	return kit.Write(w, http.StatusOK, team)
}

type configJSON struct {
	AuthMode     string `json:"auth_mode"`
	BaseDomain   string `json:"base_domain"`
	DashboardURL string `json:"dashboard_url"`
	CTFdURL      string `json:"ctfd_url"`
	CTFdSignIn   string `json:"ctfd_sign_in"` // a page of CTFd's, or of the plugin there; empty: none signs in here
	Version      string `json:"version"`
	Notice       string `json:"notice"`
}

// GetConfig answers GET /config.
func (a Handlers) GetConfig(w http.ResponseWriter, r *http.Request) error {
	c := configJSON{
		AuthMode: a.Opts.AuthMode, BaseDomain: a.Opts.BaseDomain, DashboardURL: a.Opts.Dashboard.String(),
		CTFdURL: a.Opts.CTFdURL,
		Version: a.Opts.Version, Notice: a.Instancer.Policy().Drain,
	}
	// a CTFd that is away signs nobody in
	if a.Connection != nil && a.Players != nil && a.Players.Ping(r.Context()) == nil {
		if c.CTFdSignIn = a.PluginPage(); c.CTFdSignIn == "" {
			c.CTFdSignIn = a.Connection.Standing().SignIn.URL
		}
	}
	return kit.Write(w, http.StatusOK, c)
}
