package sandbox

import (
	"maps"
	"time"
)

const (
	firstPause = 10 * time.Second
	lastPause  = 5 * time.Minute
)

// later are the sandboxes, and shapes of such as could not be made, that something went wrong with, and until when each
// is left alone. Only Tend uses it.
type later map[string]trouble

type trouble struct {
	count int
	until time.Time
}

func (l later) waits(what string) bool { return time.Now().Before(l[what].until) }

func (l later) failedBefore(what string) bool { return l[what].count > 0 }

// failed doubles the pause of something.
func (l later) failed(what string) {
	maps.DeleteFunc(l, func(_ string, t trouble) bool { return time.Since(t.until) > lastPause }) // solved by somebody else
	count := l[what].count
	l[what] = trouble{count + 1, time.Now().Add(min(firstPause<<min(count, 10), lastPause))}
}

func (l later) done(what string) { delete(l, what) }
