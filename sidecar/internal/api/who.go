package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Cookies of browsers that have signed in; on https with the prefix that keeps other hosts from setting them.
const (
	sessionCookie = "whaley_session"
	adminCookie   = "whaley_admin"
	hostPrefix    = "__Host-"
)

type playerKey struct{}

// asPlayer lets only known players through to a handler, and tells it who they are.
func (a *API) asPlayer(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.identify(r)
		if err != nil {
			return err
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), playerKey{}, p)))
	}
}

// player is who asks. Behind asPlayer that is somebody known.
func (a *API) player(r *http.Request) whaley.Player {
	p, _ := r.Context().Value(playerKey{}).(whaley.Player)
	return p
}

// identify finds out who asks: in no-auth mode by address, else by a CTFd access token or by a session's cookie. It
// refuses whoever is nobody, banned, or in team mode without a team.
func (a *API) identify(r *http.Request) (whaley.Player, error) {
	if account, shown, err := a.adapterOf(r); shown {
		if err != nil {
			return whaley.Player{}, err
		}
		return a.byAccount(r, account)
	}
	address := a.address(r)
	if a.Origins != nil {
		a.Origins.see(r, address)
	}
	if a.opts.AuthMode == wire.AuthRCTF {
		return whaley.Player{}, a.nobody()
	}
	if a.Members != nil {
		return a.byMember(r, address)
	}
	if a.Players == nil {
		p := a.byAddress(address)
		if !p.Known() {
			return p, a.nobody()
		}
		return p, nil
	}
	if a.opts.Inside(address) {
		return whaley.Player{}, a.nobody()
	}
	var p whaley.Player
	token, shown, err := a.tokenOf(r)
	if err != nil {
		return p, err
	}
	if shown {
		p, err = a.Players.ByToken(r.Context(), token)
	} else {
		cookie, ok := a.cookie(r, sessionCookie)
		if !ok {
			return p, a.nobody()
		}
		p, err = a.Players.ByCookie(r.Context(), cookie)
	}
	if err != nil {
		return whaley.Player{}, err
	}
	p.Address = address.String()
	return p, nil
}

func (a *API) nobody() error {
	if a.opts.AuthMode == wire.AuthRCTF {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Start your instance in rCTF, at its challenge.")
	}
	if a.Members != nil {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Sign in at %s%s.", a.opts.Dashboard, oidcPath)
	}
	if a.Players == nil {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Your address is not one that a player has.")
	}
	return whaley.Errorf(whaley.Unauthorized, "player_unknown",
		"Sign in at %s/login, or send a CTFd access token as Authorization: Bearer.", a.opts.Dashboard)
}

// tokenOf is the access token that a request shows. One that CTFd has to be asked about counts as an attempt.
func (a *API) tokenOf(r *http.Request) (token string, shown bool, err error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", false, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "Token") {
		return "", false, nil
	}
	if !a.Players.Heard(token) {
		err = a.limit(r, "token", a.opts.Limits().Attempts)
	}
	return token, true, err
}

// address is where a request comes from: the right-most one that is no trusted proxy's.
func (a *API) address(r *http.Request) netip.Addr {
	return peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), a.opts.Trusted)
}

// byAddress is the player at an address. A container that has found its way to us is nobody.
func (a *API) byAddress(address netip.Addr) whaley.Player {
	if a.opts.Inside(address) {
		return whaley.Player{}
	}
	return a.Keys.ByAddress(address)
}

func (a *API) secure() bool { return a.opts.Dashboard.Scheme == "https" }

func (a *API) cookieName(name string) string {
	if a.secure() {
		return hostPrefix + name
	}
	return name
}

// cookie is the value of one of our cookies. Where two differ, another host has set one of them, and neither counts.
func (a *API) cookie(r *http.Request, name string) (string, bool) {
	all := r.CookiesNamed(a.cookieName(name))
	for _, c := range all {
		if c.Value != all[0].Value {
			return "", false
		}
	}
	return first(all)
}

func first(all []*http.Cookie) (string, bool) {
	if len(all) == 0 || all[0].Value == "" {
		return "", false
	}
	return all[0].Value, true
}

// setCookie gives a browser one of our cookies, or with an empty value takes it back.
func (a *API) setCookie(w http.ResponseWriter, name, value string, site http.SameSite, maxAge int) {
	if value == "" {
		maxAge = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: a.secure(), SameSite: site,
	})
}

// isBrowser says whether a person looks at the answer.
func isBrowser(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// noAuth says whether players are addresses.
func (a *API) noAuth() bool { return a.opts.AuthMode == wire.AuthNone }
