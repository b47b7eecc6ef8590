package kit

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
	SessionCookie = "whaley_session"
	AdminCookie   = "whaley_admin"
	hostPrefix    = "__Host-"
)

type playerKey struct{}

// AsPlayer lets only known players through to a handler, and tells it who they are.
func (a *Surface) AsPlayer(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.Identify(r)
		if err != nil {
			return err
		}
		if a.Places != nil {
			a.Places.Note(p.Session, a.Address(r))
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), playerKey{}, p)))
	}
}

// Player is who asks. Behind AsPlayer that is a known player.
func (a *Surface) Player(r *http.Request) whaley.Player {
	p, _ := r.Context().Value(playerKey{}).(whaley.Player)
	return p
}

// Identify finds out who asks: in no-auth mode by address, else by a CTFd access token or by a session's cookie. It
// refuses requests of no known player, of banned ones, or in team mode without a team.
func (a *Surface) Identify(r *http.Request) (whaley.Player, error) {
	if account, shown, err := a.AdapterOf(r); shown {
		if err != nil {
			return whaley.Player{}, err
		}
		return a.byAccount(r, account)
	}
	address := a.Address(r)
	if a.Origins != nil {
		a.Origins.see(r, address)
	}
	if a.Opts.AuthMode == wire.AuthRCTF {
		return whaley.Player{}, a.Nobody()
	}
	if a.Members != nil {
		return a.byMember(r, address)
	}
	if a.Players == nil {
		p := a.ByAddress(address)
		if !p.Known() {
			return p, a.Nobody()
		}
		return p, nil
	}
	if a.Opts.Inside(address) {
		return whaley.Player{}, a.Nobody()
	}
	var p whaley.Player
	token, shown, err := a.TokenOf(r)
	if err != nil {
		return p, err
	}
	if shown {
		p, err = a.Players.ByToken(r.Context(), token)
	} else {
		cookie, ok := a.Cookie(r, SessionCookie)
		if !ok {
			return p, a.Nobody()
		}
		p, err = a.Players.ByCookie(r.Context(), cookie)
	}
	if err != nil {
		return whaley.Player{}, err
	}
	p.Address = address.String()
	return p, nil
}

// Nobody refuses a request of whom nothing is known, with what to do.
func (a *Surface) Nobody() error {
	if a.Opts.AuthMode == wire.AuthRCTF {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Start your instance in rCTF, at its challenge.")
	}
	if a.Members != nil {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Sign in at %s%s.", a.Opts.Dashboard, OIDCPath)
	}
	if a.Players == nil {
		return whaley.Errorf(whaley.Unauthorized, "player_unknown", "Your address is not one that a player has.")
	}
	return whaley.Errorf(whaley.Unauthorized, "player_unknown",
		"Sign in at %s/login, or send a CTFd access token as Authorization: Bearer.", a.Opts.Dashboard)
}

// TokenOf is the access token that a request shows. One that CTFd has to be asked about counts as an attempt.
func (a *Surface) TokenOf(r *http.Request) (token string, shown bool, err error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", false, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "Token") {
		return "", false, nil
	}
	if !a.Players.Heard(token) {
		err = a.Limit(r, "token", a.Opts.Limits().Attempts)
	}
	return token, true, err
}

// Address is where a request comes from: the right-most one that is no trusted proxy's.
func (a *Surface) Address(r *http.Request) netip.Addr {
	return peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), a.Opts.Trusted)
}

// ByAddress is the player at an address. A container that has found its way to us is no player.
func (a *Surface) ByAddress(address netip.Addr) whaley.Player {
	if a.Opts.Inside(address) {
		return whaley.Player{}
	}
	return a.Keys.ByAddress(address)
}

func (a *Surface) secure() bool { return a.Opts.Dashboard.Scheme == "https" }

func (a *Surface) cookieName(name string) string {
	if a.secure() {
		return hostPrefix + name
	}
	return name
}

// Cookie is the value of one of our cookies. Where two differ, another host has set one of them, and neither counts.
func (a *Surface) Cookie(r *http.Request, name string) (string, bool) {
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

// SetCookie gives a browser one of our cookies, or with an empty value takes it back.
func (a *Surface) SetCookie(w http.ResponseWriter, name, value string, site http.SameSite, maxAge int) {
	if value == "" {
		maxAge = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: a.secure(), SameSite: site,
	})
}

// IsBrowser says whether a person looks at the answer.
func IsBrowser(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// NoAuth says whether players are addresses.
func (a *Surface) NoAuth() bool { return a.Opts.AuthMode == wire.AuthNone }

// AdminKey is the context's key of who asks as an organiser.
type AdminKey struct{}

// AdminVisit is one request of an admin.
type AdminVisit struct {
	Name  string
	Role  whaley.Role
	From  netip.Addr
	Asked bool // only what would be done, which changes nothing

	// Still refuses once the organiser has lost the key, the session or the role that this took. It is asked while
	// streams go on.
	Still func(context.Context) error
}
