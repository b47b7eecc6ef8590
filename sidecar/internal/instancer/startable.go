package instancer

import (
	"errors"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// patience is how long starts wait for a new revision's images before they go on with the revision before: most are
// there by then, and who has just edited a challenge wants to see what was edited.
const patience = 2 * time.Second

// errPatience ends a wait for the images of a new revision.
var errPatience = errors.New("the revision before it is started meanwhile")

// startable is the revision that starts use: the one that is loaded or, while its images take long, the last that has
// some.
func (i *Instancer) startable(ch *whaley.Challenge) *whaley.Challenge { return i.images.startable(ch) }

func (im *images) startable(ch *whaley.Challenge) *whaley.Challenge {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.ready[keyOf(ch)] != nil {
		im.good[ch.ID] = ch
		return ch
	}
	b := im.latest[ch.ID]
	if b == nil || b.ch.Revision != ch.Revision || b.failed() || time.Since(b.asked) < patience {
		return ch
	}
	if before := im.before(ch); before != nil {
		return before
	}
	return ch
}

// before is the last revision that has images, if that is another; im.mu is held.
func (im *images) before(ch *whaley.Challenge) *whaley.Challenge {
	good := im.good[ch.ID]
	if good == nil || good.Revision == ch.Revision || im.ready[keyOf(good)] == nil {
		return nil
	}
	return good
}

// late fires when a start does not wait for a build any longer; nil if there is nothing else to start.
func (im *images) late(b *build) <-chan time.Time {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.before(b.ch) == nil {
		return nil
	}
	return time.After(time.Until(b.asked.Add(patience)))
}
