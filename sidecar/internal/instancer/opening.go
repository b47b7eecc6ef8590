package instancer

import (
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Opening says what may be started now.
type Opening interface {
	// Closed says why a player may not start a challenge at a time, nil if they may.
	Closed(p whaley.Player, ch *whaley.Challenge, at time.Time) *whaley.Error
	// Event is when all of it takes place.
	Event() whaley.ScoreboardEvent
}

// Closed says why a player may not see and start a challenge now, nil if they may.
func (i *Instancer) Closed(p whaley.Player, ch *whaley.Challenge) *whaley.Error {
	if whaley.Synthetic(p.Owner.ID) {
		return nil
	}
	now := i.now()
	if i.Opening != nil {
		if why := i.Opening.Closed(p, ch, now); why != nil {
			return why
		}
	}
	if p.Organiser {
		return nil
	}
	return ch.NotOpen(now)
}

// Event is when all of it takes place, zero if nobody says.
func (i *Instancer) Event() whaley.ScoreboardEvent {
	if i.Opening == nil {
		return whaley.ScoreboardEvent{}
	}
	return i.Opening.Event()
}
