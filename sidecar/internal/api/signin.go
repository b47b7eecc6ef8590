package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

// signInToInstance sends a player who owns a host back to it with a one-time code. Whoever does not own it, and
// whatever is no host, gets one and the same answer.
func (a *API) signInToInstance(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	name, nonce := host.Clean(query.Get("host")), query.Get("nonce")
	p := a.player(r)
	view, err := a.Instancer.Resolve(r.Context(), instancer.HostQuery{Host: name, Player: p})
	if err != nil {
		return err
	}
	if !view.Mine || !nonceForm.MatchString(nonce) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			a.Pages.ServeHTTP(w, r) // which know no such page, and say so as pages do
			return nil
		}
		return instancer.Errorf(instancer.NotFound, "not_found", "There is nothing here for you. The addresses of your challenges are on the dashboard.")
	}
	code, err := a.Tickets.Code(p, name, nonce)
	if err != nil {
		return err
	}
	// Scheme and port are ours, the name has been parsed: nobody can be sent elsewhere.
	target := url.URL{Scheme: a.opts.Dashboard.Scheme, Host: name, Path: wire.TicketPath,
		RawQuery: url.Values{"code": {code}, "path": {host.LocalPath(query.Get("path"))}}.Encode()}
	if port := a.opts.Dashboard.Port(); port != "" {
		target.Host += ":" + port
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
	return nil
}
