package sandbox

import (
	"maps"
	"time"
)

// lastPause is the longest that something is left alone.
const lastPause = 5 * time.Minute

// later are the sandboxes, and shapes of such as could not be made, that something went wrong with, and until when each
// is left alone. Only Tend uses it.
type later struct {
	pause time.Duration // after the first failure; it doubles
	of    map[string]trouble
}

type trouble struct {
	count int
	until time.Time
}

func (l later) waits(what string) bool { return time.Now().Before(l.of[what].until) }

func (l later) failedBefore(what string) bool { return l.of[what].count > 0 }

func (l later) failed(what string) {
	maps.DeleteFunc(l.of, func(_ string, t trouble) bool { return time.Since(t.until) > lastPause }) // solved by somebody else
	count := l.of[what].count
	l.of[what] = trouble{count + 1, time.Now().Add(min(l.pause<<min(count, 10), lastPause))}
}

func (l later) done(what string) { delete(l.of, what) }
