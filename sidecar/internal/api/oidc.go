package api

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	oidcPath      = "/auth/oidc"
	attemptCookie = "whaley_attempt"
)

// byMember is the player of a session.
func (a *API) byMember(r *http.Request, address netip.Addr) (whaley.Player, error) {
	cookie, ok := a.cookie(r, sessionCookie)
	if !ok || a.opts.Inside(address) {
		return whaley.Player{}, a.nobody()
	}
	p, err := a.Members.ByCookie(r.Context(), cookie)
	p.Address = address.String()
	return p, err
}

// beginSignIn sends a browser to the provider. What it comes back with counts in this browser only, and once.
func (a *API) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	if a.Members == nil {
		return errNotFound
	}
	if err := a.limit(r, "oidc", a.opts.Limits().Attempts); err != nil {
		return err
	}
	attempt := oidc.NewAttempt(host.LocalPath(r.URL.Query().Get("next")))
	to, err := a.Provider.Begin(r.Context(), attempt)
	if err != nil {
		return a.notSignedIn(w, r, err)
	}
	a.setCookie(w, attemptCookie, attempt.Seal(a.Keys.Session), http.SameSiteLaxMode, int(oidc.AttemptLife.Seconds()))
	a.goTo(w, r, to)
	return nil
}

// endSignIn takes who has signed in at the provider.
func (a *API) endSignIn(w http.ResponseWriter, r *http.Request) error {
	if a.Members == nil {
		return errNotFound
	}
	query, address := r.URL.Query(), a.address(r)
	cookie, _ := a.cookie(r, attemptCookie)
	attempt, ok := oidc.Open(a.Keys.Session, cookie, query.Get("state"))
	if !ok || a.opts.Inside(address) {
		return a.notSignedIn(w, r, whaley.Errorf(whaley.Unauthorized, "sign_in_foreign",
			"This sign-in did not begin in this browser, or too long ago. Begin it here again."))
	}
	a.setCookie(w, attemptCookie, "", http.SameSiteLaxMode, 0)
	p, err := a.Provider.End(r.Context(), attempt, query.Get("code"))
	if err != nil {
		a.recordLogin(r, "user_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return a.notSignedIn(w, r, err)
	}
	s, session, err := a.Members.SignIn(r.Context(), p, address.String())
	if err != nil {
		return err
	}
	a.recordLogin(r, "user_login", s.Player, "signed in")
	if err := a.endSession(r); err != nil {
		return err
	}
	a.setCookie(w, sessionCookie, session, http.SameSiteLaxMode, int(time.Until(s.ExpiresAt).Round(time.Second).Seconds()))
	a.goTo(w, r, attempt.Next)
	return nil
}

// notSignedIn tells a browser why not on the page that signs in, and a program directly.
func (a *API) notSignedIn(w http.ResponseWriter, r *http.Request, err error) error {
	a.Log.Warn("a player was not signed in", "err", err)
	var e *whaley.Error
	if !isBrowser(r) || !errors.As(err, &e) {
		return err
	}
	a.goTo(w, r, loginPage+"?"+url.Values{"stay": {"yes"}, "failed": {e.Code}}.Encode())
	return nil
}

func (a *API) goTo(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
}
