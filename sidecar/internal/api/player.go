package api

import (
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type ownerJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type meJSON struct {
	User         ownerJSON `json:"user"`
	Owner        ownerJSON `json:"owner"`
	AuthMode     string    `json:"auth_mode"`
	TeamMode     bool      `json:"team_mode"`
	Instances    int       `json:"instances"`
	MaxInstances int       `json:"max_instances"`
}

func (a *API) me(r *http.Request, p whaley.Player) (meJSON, error) {
	all, err := a.Instancer.List(r.Context(), p)
	me := meJSON{
		User: ownerJSON{p.ID, p.Name}, Owner: ownerJSON{p.Owner.ID, p.Owner.Name},
		AuthMode: a.opts.AuthMode, TeamMode: p.InTeam(), MaxInstances: a.Instancer.Allowed(p),
	}
	for _, in := range all {
		if in.State.Live() {
			me.Instances++
		}
	}
	return me, err
}

func (a *API) getMe(w http.ResponseWriter, r *http.Request) error {
	me, err := a.me(r, a.player(r))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, me)
}

type teamJSON struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	Members []ownerJSON `json:"members"`
}

func (a *API) getTeam(w http.ResponseWriter, r *http.Request) error {
	if p := a.player(r); a.Members != nil && p.InTeam() { // of the others nothing is known
		return write(w, http.StatusOK, teamJSON{ID: p.Owner.ID, Name: p.Owner.Name, Members: []ownerJSON{{p.ID, p.Name}}})
	}
	if a.Players == nil {
		return whaley.Errorf(whaley.NotFound, "no_team", "This event is not played in teams.")
	}
	p := a.player(r)
	_, members, err := a.Players.Team(r.Context(), p)
	if err != nil {
		return err
	}
	team := teamJSON{ID: p.Owner.ID, Name: p.Owner.Name, Members: []ownerJSON{}}
	for _, m := range members {
		team.Members = append(team.Members, ownerJSON{whaley.UserID(m.ID), m.Name})
	}
	return write(w, http.StatusOK, team)
}

type configJSON struct {
	AuthMode     string `json:"auth_mode"`
	BaseDomain   string `json:"base_domain"`
	DashboardURL string `json:"dashboard_url"`
	CTFdURL      string `json:"ctfd_url"`
	CTFdSignIn   string `json:"ctfd_sign_in"` // empty: CTFd has no page that signs in here
	Version      string `json:"version"`
	Notice       string `json:"notice"`
}

func (a *API) getConfig(w http.ResponseWriter, r *http.Request) error {
	c := configJSON{
		AuthMode: a.opts.AuthMode, BaseDomain: a.opts.BaseDomain, DashboardURL: a.opts.Dashboard.String(),
		CTFdURL: a.opts.CTFdURL,
		Version: a.opts.Version, Notice: a.Instancer.Policy().Drain,
	}
	if a.Connection != nil && a.Players != nil && a.Players.Ping(r.Context()) == nil { // a CTFd that is away signs nobody in
		c.CTFdSignIn = a.Connection.Standing().SignIn.URL
	}
	return write(w, http.StatusOK, c)
}
