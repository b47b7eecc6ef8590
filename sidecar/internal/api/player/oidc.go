package player

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/oidc"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	attemptCookie = "whaley_attempt"
)

// BeginSignIn sends a browser to the provider. What it comes back with counts in this browser only, and once.
func (a Handlers) BeginSignIn(w http.ResponseWriter, r *http.Request) error {
	if a.Members == nil {
		return kit.ErrNotFound
	}
	if err := a.Limit(r, "oidc", a.Opts.Limits().Attempts); err != nil {
		return err
	}
	attempt := oidc.NewAttempt(host.LocalPath(r.URL.Query().Get("next")))
	to, err := a.Provider.Begin(r.Context(), attempt)
	if err != nil {
		return a.notSignedIn(w, r, err)
	}
	a.SetCookie(w, attemptCookie, attempt.Seal(a.Keys.Session), http.SameSiteLaxMode, int(oidc.AttemptLife.Seconds()))
	a.goTo(w, r, to)
	return nil
}

// EndSignIn takes who has signed in at the provider.
func (a Handlers) EndSignIn(w http.ResponseWriter, r *http.Request) error {
	if a.Members == nil {
		return kit.ErrNotFound
	}
	// The provider is asked about each, and may take no more questions of anybody's once there are too many.
	if err := a.Limit(r, "oidc-end", a.Opts.Limits().Attempts); err != nil {
		return err
	}
	query, address := r.URL.Query(), a.Address(r)
	cookie, _ := a.Cookie(r, attemptCookie)
	attempt, ok := oidc.Open(a.Keys.Session, cookie, query.Get("state"))
	if !ok || a.Opts.Inside(address) {
		return a.notSignedIn(w, r, whaley.Errorf(whaley.Unauthorized, "sign_in_foreign",
			"This sign-in did not begin in this browser, or too long ago. Begin it here again."))
	}
	a.SetCookie(w, attemptCookie, "", http.SameSiteLaxMode, 0)
	p, err := a.Provider.End(r.Context(), attempt, query.Get("code"))
	if err != nil {
		a.RecordLogin(r, "user_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return a.notSignedIn(w, r, err)
	}
	s, session, err := a.Members.SignIn(r.Context(), p, address.String())
	if err != nil {
		return err
	}
	a.RecordLogin(r, "user_login", s.Player, "signed in")
	if err := a.endSession(r); err != nil {
		return err
	}
	a.SetCookie(w, kit.SessionCookie, session, http.SameSiteLaxMode, int(time.Until(s.ExpiresAt).Round(time.Second).Seconds()))
	a.goTo(w, r, attempt.Next)
	return nil
}

// notSignedIn tells a browser why not on the page that signs in, and a program directly.
func (a Handlers) notSignedIn(w http.ResponseWriter, r *http.Request, err error) error {
	a.Log.Warn("a player was not signed in", "err", err)
	var e *whaley.Error
	if !kit.IsBrowser(r) || !errors.As(err, &e) {
		return err
	}
	a.goTo(w, r, loginPage+"?"+url.Values{"stay": {"yes"}, "failed": {e.Code}}.Encode())
	return nil
}

func (a Handlers) goTo(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
}
