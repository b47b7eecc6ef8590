package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// adminHeader carries the admin key of scripts.
const adminHeader = "X-Admin-Key"

type adminKey struct{}

// adminVisit is one request of an admin.
type adminVisit struct {
	name    string
	from    netip.Addr
	audited bool
	asked   bool // only what would be done, which changes nothing
}

// asAdmin lets only admins through to a handler. Attempts are counted before anything is looked at. What changes
// something and was not recorded by its handler is recorded here.
func (a *API) asAdmin(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := a.limit(r, "admin", a.opts.Limits().Admin); err != nil {
			return err
		}
		name, err := a.admin(r)
		if err != nil {
			a.recordRefusal(r, err)
			return err
		}
		v := &adminVisit{name: name, from: a.address(r)}
		r = r.WithContext(context.WithValue(r.Context(), adminKey{}, v))
		if err := next(w, r); err != nil {
			return err
		}
		if reads(r.Method) || v.audited || v.asked {
			return nil
		}
		if err := a.audit(r, whaley.Event{Type: "admin_action", Message: r.Method + " " + r.URL.Path}); err != nil {
			a.Log.Error("an admin's action is not recorded", "admin", v.name, "path", r.URL.Path, "err", err) // it is done and answered
		}
		return nil
	}
}

// recordRefusal records that somebody showed a wrong key or token, once a minute for each address.
func (a *API) recordRefusal(r *http.Request, why error) {
	if r.Header.Get(adminHeader) == "" && r.Header.Get("Authorization") == "" || a.limit(r, "refusal", 1) != nil {
		return
	}
	err := a.Events.Record(r.Context(), whaley.Event{
		Type: "auth_failure", At: time.Now().UTC(),
		Message: "refused as an admin: " + whaley.CodeOf(why) + " from " + a.address(r).String(),
	})
	if err != nil {
		a.Log.ErrorContext(r.Context(), "refusal not recorded", "err", err)
	}
}

// onlyAsked says that a request has changed nothing, though its method could.
func onlyAsked(r *http.Request) {
	if v, ok := r.Context().Value(adminKey{}).(*adminVisit); ok {
		v.asked = true
	}
}

func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// admin is the name of the admin who asks: by the admin key, by a CTFd admin's access token, or by the panel's session.
func (a *API) admin(r *http.Request) (string, error) {
	if key := r.Header.Get(adminHeader); key != "" {
		if name, ok := a.admins.ByKey(key); ok {
			return name, nil
		}
		return "", errWrongKey
	}
	if a.Players != nil {
		token, shown, err := a.tokenOf(r)
		if err != nil {
			return "", err
		}
		if shown {
			return a.admins.ByToken(r.Context(), token)
		}
	}
	if cookie, ok := a.cookie(r, adminCookie); ok {
		return a.admins.ByCookie(r.Context(), cookie)
	}
	return "", errWrongKey
}

// adminOf is who an admin's request comes from and from where, for the log of events. Whoever asks in order to change
// something records it.
func adminOf(r *http.Request) string {
	v, ok := r.Context().Value(adminKey{}).(*adminVisit)
	if !ok {
		return ""
	}
	v.audited = true
	return v.name + " at " + v.from.String()
}

// audit records what an admin did. It is called before the answer: what cannot be recorded is an error.
func (a *API) audit(r *http.Request, ev whaley.Event) error {
	ev.Player, ev.At = adminOf(r), time.Now().UTC()
	return a.Events.Record(r.Context(), ev)
}

func (a *API) getAdmin(w http.ResponseWriter, r *http.Request) error {
	v, _ := r.Context().Value(adminKey{}).(*adminVisit)
	return write(w, http.StatusOK, map[string]string{"name": v.name})
}

type adminLoginRequest struct {
	Key string `json:"key"`
}

func (l adminLoginRequest) valid() error {
	if l.Key == "" {
		return whaley.Errorf(
			whaley.Invalid, "key_missing", "key is missing: the admin key, or the access token of a CTFd admin.",
		)
	}
	return nil
}

type adminSessionJSON struct {
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expires_at"`
}

// adminLogin exchanges the admin key or a CTFd admin's token for a session, so that no browser has to keep either.
func (a *API) adminLogin(w http.ResponseWriter, r *http.Request) error {
	if err := a.limit(r, "admin", a.opts.Limits().Admin); err != nil {
		return err
	}
	if err := asJSON(r); err != nil {
		return err
	}
	l, err := decode[adminLoginRequest](w, r)
	if err != nil {
		return err
	}
	address := a.address(r)
	s, cookie, err := a.admins.SignIn(r.Context(), l.Key, address.String())
	if err != nil {
		a.recordLogin(r, "admin_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return err
	}
	err = a.Events.Record(r.Context(), whaley.Event{
		Type: "admin_login", Player: s.Player.Name + " at " + address.String(), At: time.Now().UTC(),
		Message: "signed in to the panel",
	})
	if err != nil {
		return err
	}
	a.setCookie(w, adminCookie, cookie, http.SameSiteStrictMode, int(identity.SessionLife.Seconds()))
	return write(w, http.StatusOK, adminSessionJSON{s.Player.Name, s.ExpiresAt})
}

// adminLogout ends the panel's session; without one there is nothing to end.
func (a *API) adminLogout(w http.ResponseWriter, r *http.Request) error {
	if err := a.limit(r, "admin", a.opts.Limits().Admin); err != nil {
		return err
	}
	if cookie, ok := a.cookie(r, adminCookie); ok {
		if err := a.admins.SignOut(r.Context(), cookie); err != nil {
			return err
		}
	}
	a.setCookie(w, adminCookie, "", http.SameSiteStrictMode, 0)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
