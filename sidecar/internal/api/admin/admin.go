package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// adminHeader carries the admin key of scripts.
const adminHeader = "X-Admin-Key"

// AsAdmin lets only organisers with a role, or one that includes it, through to a handler. Attempts are counted before
// anything is looked at. What changes something and is not in the log of events by then is written there.
func (a Handlers) AsAdmin(role whaley.Role, next kit.Handler) kit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		playing := a.rehearses(r)
		if !playing {
			if err := a.Limit(r, "admin", a.Opts.Limits().Admin); err != nil {
				return err
			}
		}
		who, err := a.admin(r)
		if err != nil {
			a.recordRefusal(r, err)
			return err
		}
		if err := allowed(who, role); err != nil {
			a.recordRefusal(r, err)
			return err
		}
		v := &kit.AdminVisit{Name: who.Name, Role: who.Role, From: a.Address(r), Still: func(ctx context.Context) error {
			return a.still(r.WithContext(ctx), role)
		}}
		line := &whaley.Audit{}
		r = r.WithContext(whaley.WithAudit(context.WithValue(r.Context(), kit.AdminKey{}, v), line))
		if err := next(w, r); err != nil {
			return err
		}
		if !reads(r.Method) && !v.Asked && (!playing || line.Event.Type != "") {
			a.audit(r, cmp.Or(line.Event, whaley.Event{Type: "admin_action"}))
		}
		return nil
	}
}

// allowed refuses an organiser whose role does not include another.
func allowed(who whaley.Organiser, role whaley.Role) error {
	if who.Role.May(role) {
		return nil
	}
	return whaley.Errorf(
		whaley.Forbidden, "role_missing", "This takes the role %s; %s has the role %s. Ask an organiser who is admin.",
		role, who.Name, who.Role,
	)
}

// still refuses a request that would not be let through any more. What CTFd or the database does not answer refuses
// nobody who was let in.
func (a Handlers) still(r *http.Request, role whaley.Role) error {
	who, err := a.admin(r)
	if err == nil {
		err = allowed(who, role)
	}
	var known *whaley.Error
	if errors.As(err, &known) && (known.Kind == whaley.Unauthorized || known.Kind == whaley.Forbidden) {
		return err
	}
	return nil
}

// recordRefusal records that somebody showed a wrong key or token, once a minute for each address.
func (a Handlers) recordRefusal(r *http.Request, why error) {
	if r.Header.Get(adminHeader) == "" && r.Header.Get("Authorization") == "" || a.Limit(r, "refusal", 1) != nil {
		return
	}
	err := a.Events.Record(r.Context(), whaley.Event{
		Type: "auth_failure", At: time.Now().UTC(),
		Message: "refused as an admin: " + whaley.CodeOf(why) + " from " + a.Address(r).String(),
	})
	if err != nil {
		a.Log.ErrorContext(r.Context(), "refusal not recorded", "err", err)
	}
}

// onlyAsked says that a request has changed nothing, though its method could.
func onlyAsked(r *http.Request) {
	if v, ok := r.Context().Value(kit.AdminKey{}).(*kit.AdminVisit); ok {
		v.Asked = true
	}
}

func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// admin is the organiser who asks: by the admin key or one of their own, by a CTFd admin's access token, or by the
// panel's session.
func (a Handlers) admin(r *http.Request) (whaley.Organiser, error) {
	if key := r.Header.Get(adminHeader); key != "" {
		return a.Admins.Known(r.Context(), key)
	}
	if a.Players != nil {
		token, shown, err := a.TokenOf(r)
		if err != nil {
			return whaley.Organiser{}, err
		}
		if shown {
			return a.Admins.ByToken(r.Context(), token)
		}
	}
	if cookie, ok := a.Cookie(r, kit.AdminCookie); ok {
		return a.Admins.ByCookie(r.Context(), cookie)
	}
	return whaley.Organiser{}, kit.ErrWrongKey
}

// adminOf is who an admin's request comes from and from where, for the log of events.
func adminOf(r *http.Request) string {
	v, ok := r.Context().Value(kit.AdminKey{}).(*kit.AdminVisit)
	if !ok {
		return ""
	}
	return v.Name + " at " + v.From.String()
}

// tell says what a request is about to do. The log of events has that from the transaction that does it, which fails if
// the line cannot be written.
func tell(r *http.Request, ev whaley.Event) { whaley.AuditOf(r.Context()).Event = lineOf(r, ev).Event }

func lineOf(r *http.Request, ev whaley.Event) *whaley.Audit {
	ev.Player, ev.At = adminOf(r), time.Now().UTC()
	return &whaley.Audit{Event: ev}
}

// audit writes what a request has done, unless a transaction has. Since it is done, nothing is refused for it any more.
func (a Handlers) audit(r *http.Request, ev whaley.Event) {
	line := whaley.AuditOf(r.Context())
	if line.Written() {
		return
	}
	ev.Message = cmp.Or(ev.Message, r.Method+" "+r.URL.Path)
	tell(r, ev)
	if err := a.Events.Record(context.WithoutCancel(r.Context()), whaley.Event{}); err != nil {
		a.Log.Error("what an admin did is not in the log of events", "event", line.Event, "err", err)
	}
}

// GetAdmin answers GET /admin/api/whoami.
func (a Handlers) GetAdmin(w http.ResponseWriter, r *http.Request) error {
	v, _ := r.Context().Value(kit.AdminKey{}).(*kit.AdminVisit)
	return kit.Write(w, http.StatusOK, struct {
		Name   string `json:"name"`
		Role   string `json:"role"`
		Shells bool   `json:"shells"`
	}{v.Name, string(v.Role), a.shellsOn() == nil})
}

type adminLoginRequest struct {
	Key string `json:"key"`
}

func (l adminLoginRequest) Valid() error {
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

// Login exchanges the admin key or a CTFd admin's token for a session, so that no browser has to keep either.
func (a Handlers) Login(w http.ResponseWriter, r *http.Request) error {
	if err := a.Limit(r, "admin", a.Opts.Limits().Admin); err != nil {
		return err
	}
	if err := kit.AsJSON(r); err != nil {
		return err
	}
	l, err := kit.Decode[adminLoginRequest](w, r)
	if err != nil {
		return err
	}
	address := a.Address(r)
	line := &whaley.Audit{Event: whaley.Event{Type: "admin_login", At: time.Now().UTC(), Message: "signed in to the panel"}}
	s, cookie, err := a.Admins.SignIn(whaley.WithAudit(r.Context(), line), l.Key, address.String())
	if err != nil {
		a.RecordLogin(r, "admin_login_failed", whaley.Player{Address: address.String()}, whaley.CodeOf(err))
		return err
	}
	a.SetCookie(w, kit.AdminCookie, cookie, http.SameSiteStrictMode, int(identity.SessionLife.Seconds()))
	return kit.Write(w, http.StatusOK, adminSessionJSON{s.Player.Name, s.ExpiresAt})
}

// Logout ends the panel's session; without one there is nothing to end.
func (a Handlers) Logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.Limit(r, "admin", a.Opts.Limits().Admin); err != nil {
		return err
	}
	if cookie, ok := a.Cookie(r, kit.AdminCookie); ok {
		if err := a.Admins.SignOut(r.Context(), cookie); err != nil {
			return err
		}
	}
	a.SetCookie(w, kit.AdminCookie, "", http.SameSiteStrictMode, 0)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
