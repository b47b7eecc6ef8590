package api

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const eventPause = 100 * time.Millisecond // between two lists: a spawn changes several things at once

// streamEvents sends the player's list of instances at once and after every change.
func (a *API) streamEvents(w http.ResponseWriter, r *http.Request) error {
	p := a.player(r)
	changes, done := a.Instancer.Changes(p.Owner.ID)
	defer done()
	list, err := a.list(r.Context(), p)
	if err != nil {
		return err
	}
	out := openStream(w)
	defer out.close()
	for {
		if out.send("instances", list) != nil {
			return nil // the stream has begun; the browser connects again
		}
		for changed := false; !changed; {
			select {
			case <-changes:
				changed = true
			case <-out.alive.C:
				if out.breathe() != nil || !a.still(r, p) {
					return nil
				}
			case <-r.Context().Done():
				return nil
			case <-a.ctx.Done():
				return nil
			}
		}
		time.Sleep(eventPause)
		if !a.still(r, p) {
			return nil
		}
		if list, err = a.list(r.Context(), p); err != nil {
			return nil
		}
	}
}

// still says whether who asked is who they were: they may have signed out, been banned, or changed their team, and then
// the browser asks anew.
func (a *API) still(r *http.Request, p instancer.Player) bool {
	now, err := a.identify(r)
	return err == nil && now.Owner == p.Owner
}
