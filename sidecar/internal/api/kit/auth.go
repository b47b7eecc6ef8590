package kit

import (
	"mime"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// AsJSON wants a body that says that it is JSON, which a page of another site may not send without being asked first.
func AsJSON(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return whaley.Errorf(
			whaley.Invalid, "body_invalid", "The body must be JSON, with the header Content-Type: application/json.",
		)
	}
	return nil
}

// RecordLogin writes who came, or who did not get in. A log that cannot be written keeps no player out.
func (a *Surface) RecordLogin(r *http.Request, kind string, p whaley.Player, message string) {
	err := a.Events.Record(r.Context(), whaley.Event{
		Type: kind, Owner: p.Owner.ID, Player: p.ID, At: time.Now().UTC(), Message: message + " from " + p.Address,
	})
	if err != nil {
		a.Log.Error("sign-in not recorded", "type", kind, "player", p.ID, "err", err)
	}
}
