package api

import (
	"net/http"
	"net/netip"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// player is who asks: in no-auth mode the right-most address that is no trusted proxy's.
func (a *API) player(r *http.Request) instancer.Player {
	return a.byAddress(peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), a.opts.Trusted))
}

// byAddress is the player at an address. A container that has found its way to us is nobody.
func (a *API) byAddress(address netip.Addr) instancer.Player {
	if a.opts.Pool.Contains(address) {
		return instancer.Player{}
	}
	return a.Keys.ByAddress(address)
}

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

func (a *API) getMe(w http.ResponseWriter, r *http.Request) error {
	p := a.player(r)
	all, err := a.Instancer.List(r.Context(), p)
	if err != nil {
		return err
	}
	me := meJSON{
		User: ownerJSON{p.ID, p.Name}, Owner: ownerJSON{p.Owner.ID, p.Owner.Name},
		AuthMode: a.opts.AuthMode, MaxInstances: a.Instancer.Allowed(p),
	}
	for _, in := range all {
		if in.State.Live() {
			me.Instances++
		}
	}
	return write(w, http.StatusOK, me)
}

type configJSON struct {
	AuthMode     string `json:"auth_mode"`
	BaseDomain   string `json:"base_domain"`
	DashboardURL string `json:"dashboard_url"`
	Version      string `json:"version"`
	Notice       string `json:"notice"`
}

func (a *API) getConfig(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, configJSON{a.opts.AuthMode, a.opts.BaseDomain, a.opts.Dashboard.String(), a.opts.Version, a.Instancer.Policy().Drain})
}
