package player

import (
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// StreamEvents sends the player's list of instances at once and after every change.
func (a Handlers) StreamEvents(w http.ResponseWriter, r *http.Request) error {
	p := a.Player(r)
	out, err := a.Follow(w, r, "owner/"+p.Owner.ID)
	if err != nil {
		return err
	}
	defer out.Close()
	feed, now, leave := a.feeds.join(p.Owner.ID)
	defer leave()
	for begun := false; ; begun = true {
		for changed := false; !changed; {
			select {
			case <-now.next:
				changed = true
			case <-out.Alive.C:
				if out.Breathe() != nil || !a.still(r, p) {
					return nil
				}
			case <-out.Done():
				return nil
			}
		}
		if now = a.feeds.current(feed); now.err != nil && !begun {
			return now.err
		}
		if now.err != nil || begun && !a.still(r, p) {
			return nil // the stream has begun; the browser connects again
		}
		if out.PutText("", "instances", now.text) != nil || out.Flush() != nil {
			return nil
		}
	}
}

// still says whether who asked is who they were: they may have signed out, been banned, or changed their team, and then
// the browser asks anew.
func (a Handlers) still(r *http.Request, p whaley.Player) bool {
	now, err := a.Identify(r)
	return err == nil && now.Owner == p.Owner
}
