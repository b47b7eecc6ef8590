package player

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

// SignInToInstance sends a player who owns a host back to it with a one-time code. Whoever does not own it, and
// whatever is no host, gets one and the same answer.
func (a Handlers) SignInToInstance(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	name, nonce := host.Clean(query.Get("host")), query.Get("nonce")
	p, err := a.Identify(r)
	if err != nil && (a.Players != nil || a.Members != nil) { // where a player is an address there is nowhere to sign in
		return a.signInFirst(w, r, err)
	}
	view, err := a.Instancer.Resolve(r.Context(), whaley.HostQuery{Host: name, Player: p})
	if err != nil {
		return err
	}
	if !view.Mine || !nonceForm.MatchString(nonce) {
		if kit.IsBrowser(r) {
			a.Pages.ServeHTTP(w, r) // which know no such page, and say so as pages do
			return nil
		}
		return kit.ErrNoHost
	}
	code, err := a.Tickets.Code(p, name, nonce)
	if err != nil {
		return err
	}
	// Scheme and port are ours, the name has been parsed: nobody can be sent elsewhere.
	query = url.Values{"code": {code}, "path": {host.LocalPath(query.Get("path"))}}
	to := a.Url(name) + wire.TicketPath + "?" + query.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// signInFirst sends a browser to the page that signs in, which returns here, or to the dashboard, which says why this
// player may not play. A program is told directly.
func (a Handlers) signInFirst(w http.ResponseWriter, r *http.Request, err error) error {
	var e *whaley.Error
	if !kit.IsBrowser(r) || !errors.As(err, &e) {
		return err
	}
	to := "/"
	switch e.Kind {
	case whaley.Unauthorized:
		to = loginPage + "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
		if a.Members != nil {
			to = kit.OIDCPath + "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
		}
	case whaley.Forbidden:
	default:
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// loginPage is the dashboard's page to sign in, with ?next=path where to go afterwards.
const loginPage = "/login"
