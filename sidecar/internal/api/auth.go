package api

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type loginRequest struct {
	Token string `json:"token"`
	// TokenID is given with a token that was made for this sign-in alone: it is deleted in CTFd.
	TokenID int `json:"token_id"`
}

func (l loginRequest) valid() error {
	if l.Token == "" {
		return whaley.Errorf(
			whaley.Invalid, "token_missing",
			"token is missing: an access token of CTFd, made there under Settings, Access Tokens.",
		)
	}
	return nil
}

// login exchanges an access token for a session in a cookie. A form of another site cannot send what it takes.
func (a *API) login(w http.ResponseWriter, r *http.Request) error {
	if a.Members != nil {
		return a.nobody()
	}
	if a.Players == nil {
		return whaley.Errorf(
			whaley.Conflict, "sign_in_not_needed", "There is nothing to sign in to: a player is an address here.",
		)
	}
	if err := asJSON(r); err != nil {
		return err
	}
	if err := a.limit(r, "token", a.opts.Limits().Attempts); err != nil {
		return err
	}
	l, err := decode[loginRequest](w, r)
	if err != nil {
		return err
	}
	address := a.address(r)
	if a.opts.Inside(address) {
		return a.nobody()
	}
	token := strings.TrimSpace(l.Token)
	s, cookie, err := a.Players.SignIn(r.Context(), token, address.String())
	if l.TokenID > 0 {
		defer a.useUp(token, l.TokenID) // whatever came of it
	}
	if err != nil {
		a.recordLogin(r, "user_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return err
	}
	a.recordLogin(r, "user_login", s.Player, "signed in")
	// Whoever signs in anew leaves the earlier session behind, tickets and all.
	if err := a.endSession(r); err != nil {
		return err
	}
	me, err := a.me(r, s.Player)
	if err != nil {
		return err
	}
	a.setCookie(w, sessionCookie, cookie, http.SameSiteLaxMode, int(time.Until(s.ExpiresAt).Round(time.Second).Seconds()))
	return write(w, http.StatusOK, me)
}

// useUp deletes a token that was made for one sign-in. Nobody waits for it, and if it fails the token ends by itself.
func (a *API) useUp(token string, id int) {
	go func() {
		ctx, cancel := context.WithTimeout(a.ctx, tokenRemoval)
		defer cancel()
		if err := a.Players.UseUp(ctx, token, id); err != nil {
			a.Log.Warn("token of a sign-in not deleted in ctfd, it ends within two days", "err", err)
		}
	}()
}

const tokenRemoval = 30 * time.Second

// asJSON wants a body that says that it is JSON, which a page of another site may not send without being asked first.
func asJSON(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return whaley.Errorf(
			whaley.Invalid, "body_invalid", "The body must be JSON, with the header Content-Type: application/json.",
		)
	}
	return nil
}

// recordLogin writes who came, or who did not get in. A log that cannot be written keeps nobody out.
func (a *API) recordLogin(r *http.Request, kind string, p whaley.Player, message string) {
	err := a.Events.Record(r.Context(), whaley.Event{
		Type: kind, Owner: p.Owner.ID, Player: p.ID, At: time.Now().UTC(), Message: message + " from " + p.Address,
	})
	if err != nil {
		a.Log.Error("sign-in not recorded", "type", kind, "player", p.ID, "err", err)
	}
}

// endSession ends the session that a request shows, if any.
func (a *API) endSession(r *http.Request) error {
	cookie, ok := a.cookie(r, sessionCookie)
	switch {
	case ok && a.Players != nil:
		return a.Players.SignOut(r.Context(), cookie)
	case ok && a.Members != nil:
		return a.Members.SignOut(r.Context(), cookie)
	}
	return nil
}

// logout ends the session, and with it every ticket that was given to it.
func (a *API) logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.endSession(r); err != nil {
		return err
	}
	a.setCookie(w, sessionCookie, "", http.SameSiteLaxMode, 0)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type toolTicketRequest struct {
	Host string `json:"host"`
}

func (t toolTicketRequest) valid() error {
	if t.Host == "" {
		return whaley.Errorf(whaley.Invalid, "host_missing", "host is missing: one of your own instances' hosts.")
	}
	return nil
}

type toolTicketJSON struct {
	Host      string    `json:"host"`
	URL       string    `json:"url"`
	Header    string    `json:"header"`
	Ticket    string    `json:"ticket"`
	Curl      string    `json:"curl"`
	ExpiresAt time.Time `json:"expires_at"`
}

// makeTicket gives a player a ticket for a host of their own, and the curl line that shows it. Hosts of others and
// hosts that are none get one and the same answer.
func (a *API) makeTicket(w http.ResponseWriter, r *http.Request) error {
	t, err := decode[toolTicketRequest](w, r)
	if err != nil {
		return err
	}
	name, p := host.Clean(t.Host), a.player(r)
	view, err := a.Instancer.Resolve(r.Context(), whaley.HostQuery{Host: name, Player: p})
	if err != nil {
		return err
	}
	if !view.Mine {
		return errNoHost
	}
	ticket, expires, err := a.Tickets.Ticket(p, name)
	if err != nil {
		return err
	}
	// Host and ticket are made of letters, digits, dots, hyphens and underscores: nothing to quote.
	j := toolTicketJSON{
		Host: name, URL: a.url(name) + "/", Header: wire.TicketHeader, Ticket: ticket, ExpiresAt: expires.UTC(),
	}
	j.Curl = "curl -H '" + j.Header + ": " + ticket + "' " + a.resolvable(name) + j.URL
	return write(w, http.StatusOK, j)
}

// resolvable makes curl look up names that only browsers know.
func (a *API) resolvable(name string) string {
	if a.reachable(name) == name {
		return ""
	}
	return "--resolve " + name + ":" + a.portOfURL() + ":" + a.reachable(name) + " "
}
