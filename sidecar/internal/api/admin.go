package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// adminHeader carries the admin key of scripts.
const adminHeader = "X-Admin-Key"

type adminKey struct{}

// asAdmin lets only admins through to a handler.
func (a *API) asAdmin(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		got, want := sha256.Sum256([]byte(r.Header.Get(adminHeader))), sha256.Sum256([]byte(a.opts.AdminKey))
		if a.opts.AdminKey == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return errWrongKey
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), adminKey{}, "admin key")))
	}
}

// adminOf is who an admin's request comes from, for the log of events.
func adminOf(r *http.Request) string {
	name, _ := r.Context().Value(adminKey{}).(string)
	return name
}

// audit records what an admin did. It is called before the answer: what cannot be recorded is an error.
func (a *API) audit(r *http.Request, ev instancer.Event) error {
	ev.Player, ev.At = adminOf(r), time.Now().UTC()
	return a.Events.Record(r.Context(), ev)
}

func (a *API) getAdmin(w http.ResponseWriter, r *http.Request) error {
	return write(w, http.StatusOK, map[string]string{"name": adminOf(r)})
}
