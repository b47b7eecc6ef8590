package sandbox

import (
	"maps"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// lastPause is the longest that something is left alone.
const lastPause = 5 * time.Minute

// backoff holds the sandboxes, and shapes of such as could not be made, that something went wrong with, and until when
// each is left alone. Only Fill uses it.
type backoff struct {
	pause time.Duration // after the first failure; it doubles
	of    map[string]failure
}

type failure struct {
	count int
	until time.Time
}

func (b backoff) waits(what string) bool { return time.Now().Before(b.of[what].until) }

func (b backoff) failedBefore(what string) bool { return b.of[what].count > 0 }

func (b backoff) failed(what string) {
	// solved by somebody else
	maps.DeleteFunc(b.of, func(_ string, t failure) bool { return time.Since(t.until) > lastPause })
	count := b.of[what].count
	b.of[what] = failure{count + 1, time.Now().Add(loop.Doubled(b.pause, lastPause, count))}
}

func (b backoff) done(what string) { delete(b.of, what) }
