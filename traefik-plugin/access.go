package whaley

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// maxChecks is how many signatures are checked for one request: on plain http other instances can set cookies of the
// ticket's name too. What was checked before, for better or worse, is remembered and counts for nothing here.
const maxChecks = 16

// ticketForms find in a line of cookies what may be a ticket, on http and on https: anything shorter is none.
var ticketForms = map[bool]*regexp.Regexp{
	false: regexp.MustCompile(`(?:^|;)[ \t]*` + ticketCookie + `=([^;]{100,})`),
	true:  regexp.MustCompile(`(?:^|;)[ \t]*` + hostPrefix + ticketCookie + `=([^;]{100,})`),
}

// identify finds out who asks: by a ticket for this very host, else, where a player is an address, by that.
func (h *Handler) identify(r *http.Request, v *visit) {
	v.query.Host = v.host
	if v.ring.authMode == wire.AuthNone && v.address.IsValid() {
		v.query.Address = v.address.String()
		v.signedIn = true
	}
	checks := 0
	inCookie := r.Header.Get(wire.TicketHeader) == ""
	var over ticket.Claims // of one that has ended
	for _, token := range h.tickets(r, v.host) {
		claims, known, err := h.sidecar.checked(v.ring, token, v.host)
		if !known && checks == maxChecks {
			continue
		}
		if !known {
			claims, err = h.sidecar.verify(r.Context(), v.ring, token, v.host)
			if errors.Is(err, ticket.ErrForged) || errors.Is(err, ticket.ErrExpired) {
				checks++ // all else costs next to nothing
			}
		}
		if err == nil {
			v.show(claims, inCookie)
			return
		}
		if errors.Is(err, ticket.ErrExpired) && inCookie && claims.Session != "" {
			over = claims
		}
	}
	if over.Owner != "" && v.ring.authMode != wire.AuthNone {
		v.show(over, true)
		v.over = true
	}
}

// show takes a ticket for true. One in a cookie that ends soon is to be renewed, so that a page that stays open need
// not be opened anew; one that has ended counts only if it is.
func (v *visit) show(claims ticket.Claims, inCookie bool) {
	v.query.Owner = claims.Owner
	v.query.Player = claims.Player
	v.query.Session = claims.Session
	v.expires = claims.Expires
	v.signedIn = true
	if inCookie && claims.Session != "" && claims.Expires-time.Now().Unix() <= wire.RenewWithin {
		v.query.Expires = claims.Expires
	}
}

// renew acts on what the sidecar says of a ticket: that it counts no more, so that its player has to sign in
// anew, or that there is a new one.
func (h *Handler) renew(w http.ResponseWriter, v *visit, status wire.HostStatus) wire.HostStatus {
	renewed := v.query.Expires != 0 && status.Ticket != "" && status.TicketExpires > time.Now().Unix()
	if renewed && !v.renewed {
		h.setCookie(w, ticketCookie, status.Ticket, ticketAge)
		v.renewed = true
	}
	if v.over && !renewed {
		status.Mine = false
		status.Revoked = true
	}
	if status.Revoked {
		v.signedIn = false
	}
	return status
}

// tickets are the candidates that a request shows for a host; a header goes before cookies.
func (h *Handler) tickets(r *http.Request, host string) []string {
	if token := r.Header.Get(wire.TicketHeader); token != "" {
		return []string{token}
	}
	var tokens []string
	begin := ticket.Begin(host)
	for _, line := range r.Header["Cookie"] {
		if !strings.Contains(line, begin) {
			continue
		}
		for _, found := range ticketForms[h.secure].FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(found[1], begin) {
				tokens = append(tokens, strings.TrimSpace(found[1]))
			}
		}
	}
	return tokens
}

// ticketRequired sends a person to the dashboard to sign in, and tells a program how to show a ticket.
func (h *Handler) ticketRequired(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.navigation {
		h.problem(w, r, v, wire.Problem{Status: http.StatusUnauthorized, Code: "ticket_required",
			Detail: "This address wants a ticket in the header " + wire.TicketHeader +
				". The dashboard has a button that copies it as a curl line: " + h.dashboard})
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
