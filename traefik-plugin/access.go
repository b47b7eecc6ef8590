package whaley

import (
	"net/http"
	"net/url"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// maxCandidates bounds how many cookies of the ticket's name are tried: on plain http other instances can set more.
const maxCandidates = 4

// identify finds out who asks: by a ticket for this very host, else, where a player is an address, by that.
func (h *Handler) identify(r *http.Request, v *visit) {
	v.query.Host = v.host
	address := peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), v.ring.trusted)
	if v.ring.authMode == wire.AuthNone && address.IsValid() {
		v.query.Address = address.String()
		v.signedIn = true
	}
	for _, token := range h.tickets(r) {
		claims, err := h.sidecar.verify(r.Context(), v.ring, token, v.host)
		if err == nil {
			v.query.Owner = claims.Owner
			v.query.Player = claims.Player
			v.query.Session = claims.Session
			v.expires = claims.Expires
			v.signedIn = true
			return
		}
	}
}

// tickets are the candidates that a request shows; a header goes before cookies.
func (h *Handler) tickets(r *http.Request) []string {
	if token := r.Header.Get(wire.TicketHeader); token != "" {
		return []string{token}
	}
	var tokens []string
	name := h.cookieName(ticketCookie)
	for _, c := range r.Cookies() {
		if c.Name == name && len(tokens) < maxCandidates {
			tokens = append(tokens, c.Value)
		}
	}
	return tokens
}

// ticketRequired sends a person to the dashboard to sign in, and tells a program how to show a ticket.
func (h *Handler) ticketRequired(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.navigation {
		h.problem(w, r, v, wire.Problem{Status: http.StatusUnauthorized, Code: "ticket_required",
			Detail: "This address wants a ticket in the header " + wire.TicketHeader + ". The dashboard has a button that copies it as a curl line: " + h.dashboard})
		return
	}
	nonce := h.nonce(r)
	if nonce == "" {
		nonce = random()
	}
	h.setCookie(w, nonceCookie, nonce, 600)
	noStore(w)
	to := url.Values{"host": {r.Host}, "nonce": {nonce}, "path": {host.LocalPath(r.URL.RequestURI())}}
	http.Redirect(w, r, h.dashboard+wire.SignInPath+"?"+to.Encode(), http.StatusSeeOther)
}
