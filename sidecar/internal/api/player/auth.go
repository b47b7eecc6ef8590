package player

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// cookieLife is how long a browser keeps its session, in seconds: the session itself ends, and is renewed, here.
const cookieLife = 90 * 24 * 3600

type loginRequest struct {
	Token string `json:"token"`
	// TokenID is given with a token that was made for this sign-in alone: it is deleted in CTFd.
	TokenID int `json:"token_id"`
	// Code and State are given instead of a token where the plugin in CTFd has sent the browser back.
	Code  string `json:"code"`
	State string `json:"state"`
}

func (l loginRequest) Valid() error {
	if l.Token == "" && l.Code == "" {
		return whaley.Errorf(
			whaley.Invalid, "token_missing",
			"token is missing: an access token of CTFd, made there under Settings, Access Tokens.",
		)
	}
	return nil
}

// Login exchanges an access token, or a code of the plugin's in CTFd, for a session in a cookie. A form of another site
// cannot send what it takes.
func (a Handlers) Login(w http.ResponseWriter, r *http.Request) error {
	if a.Members != nil {
		return a.Nobody()
	}
	if a.Players == nil {
		return whaley.Errorf(
			whaley.Conflict, "sign_in_not_needed", "There is nothing to sign in to: a player is an address here.",
		)
	}
	if err := kit.AsJSON(r); err != nil {
		return err
	}
	if err := a.Limit(r, "token", a.Opts.Limits().Attempts); err != nil {
		return err
	}
	l, err := kit.Decode[loginRequest](w, r)
	if err != nil {
		return err
	}
	address := a.Address(r)
	if a.Opts.Inside(address) {
		return a.Nobody()
	}
	s, cookie, err := a.signIn(r.Context(), l, address.String())
	if err != nil {
		a.RecordLogin(r, "user_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return err
	}
	a.RecordLogin(r, "user_login", s.Player, "signed in")
	// Whoever signs in anew leaves the earlier session behind, tickets and all.
	if err := a.endSession(r); err != nil {
		return err
	}
	me, err := a.me(r, s.Player)
	if err != nil {
		return err
	}
	a.SetCookie(w, kit.SessionCookie, cookie, http.SameSiteLaxMode, cookieLife)
	return kit.Write(w, http.StatusOK, me)
}

// signIn is by a token, or by a code of the plugin's in CTFd.
func (a Handlers) signIn(ctx context.Context, l loginRequest, address string) (whaley.Session, string, error) {
	if l.Code != "" {
		account, err := a.Tickets.TakeOver(ctx, l.Code, l.State)
		if err != nil {
			return whaley.Session{}, "", err
		}
		return a.Players.SignInAccount(ctx, account, address)
	}
	token := strings.TrimSpace(l.Token)
	if l.TokenID > 0 {
		defer a.useUp(token, l.TokenID) // whatever comes of it
	}
	return a.Players.SignIn(ctx, token, address)
}

// useUp deletes a token that was made for one sign-in. Nobody waits for it, and if it fails the token ends by itself.
func (a Handlers) useUp(token string, id int) {
	go func() {
		ctx, cancel := context.WithTimeout(a.Ctx, tokenRemoval)
		defer cancel()
		if err := a.Players.UseUp(ctx, token, id); err != nil {
			a.Log.Warn("token of a sign-in not deleted in ctfd, it ends within two days", "err", err)
		}
	}()
}

const tokenRemoval = 30 * time.Second

// endSession ends the session that a request shows, if any.
func (a Handlers) endSession(r *http.Request) error {
	cookie, ok := a.Cookie(r, kit.SessionCookie)
	switch {
	case ok && a.Players != nil:
		return a.Players.SignOut(r.Context(), cookie)
	case ok && a.Members != nil:
		return a.Members.SignOut(r.Context(), cookie)
	}
	return nil
}

// Logout ends the session, and with it every ticket that was given to it.
func (a Handlers) Logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.endSession(r); err != nil {
		return err
	}
	a.SetCookie(w, kit.SessionCookie, "", http.SameSiteLaxMode, 0)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type toolTicketRequest struct {
	Host string `json:"host"`
}

func (t toolTicketRequest) Valid() error {
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

// MakeTicket gives a player a ticket for a host of their own, and the curl line that shows it. Hosts of others and
// hosts that are none get one and the same answer.
func (a Handlers) MakeTicket(w http.ResponseWriter, r *http.Request) error {
	t, err := kit.Decode[toolTicketRequest](w, r)
	if err != nil {
		return err
	}
	name, p := host.Clean(t.Host), a.Player(r)
	view, err := a.Instancer.Resolve(r.Context(), whaley.HostQuery{Host: name, Player: p})
	if err != nil {
		return err
	}
	if !view.Mine {
		return kit.ErrNoHost
	}
	ticket, expires, err := a.Tickets.Ticket(p, name)
	if err != nil {
		return err
	}
	// Host and ticket are made of letters, digits, dots, hyphens and underscores: nothing to quote.
	j := toolTicketJSON{
		Host: name, URL: a.Url(name) + "/", Header: wire.TicketHeader, Ticket: ticket, ExpiresAt: expires.UTC(),
	}
	j.Curl = "curl -H '" + j.Header + ": " + ticket + "' " + a.resolvable(name) + j.URL
	return kit.Write(w, http.StatusOK, j)
}

// resolvable makes curl look up names that only browsers know.
func (a Handlers) resolvable(name string) string {
	if a.Reachable(name) == name {
		return ""
	}
	return "--resolve " + name + ":" + a.PortOfURL() + ":" + a.Reachable(name) + " "
}
