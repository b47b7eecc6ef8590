// Package limit counts in memory how often a player, an address or a key did something in a sliding window: one sidecar
// at a time is active. One that is over its limit is told how long to wait; what is refused does not count.
package limit

import (
	"context"
	"sync"
	"time"
)

const (
	maxKeys = 100_000
	looked  = 16 // keys of which one makes room for another
)

// Local counts. Its methods are safe for concurrent use.
type Local struct {
	mu   sync.Mutex
	keys map[string]*times
	gone time.Time // when keys without any count were last forgotten
}

type times struct {
	at     []time.Time // oldest first
	window time.Duration
}

// NewLocal makes an empty one.
func NewLocal() *Local { return &Local{keys: map[string]*times{}} }

// Take counts one under a key if fewer than n were counted in the last window, else says after which time there is room
// again.
func (l *Local) Take(_ context.Context, key string, n int, window time.Duration) (time.Duration, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	t := l.keys[key]
	if t == nil {
		if len(l.keys) >= maxKeys {
			l.makeRoom(now)
		}
		t = &times{}
		l.keys[key] = t
	}
	t.window = window
	t.drop(now)
	if len(t.at) >= n {
		return t.at[len(t.at)-n].Add(window).Sub(now), nil
	}
	t.at = append(t.at, now)
	return 0, nil
}

func (t *times) drop(now time.Time) {
	for len(t.at) > 0 && now.Sub(t.at[0]) >= t.window {
		t.at = t.at[1:]
	}
}

// forget keeps the map from growing with everybody who ever came.
func (l *Local) forget(now time.Time) {
	if now.Sub(l.gone) < time.Minute {
		return
	}
	l.gone = now
	for key, t := range l.keys {
		if t.drop(now); len(t.at) == 0 {
			delete(l.keys, key)
		}
	}
}

// makeRoom forgets one of a few keys that are picked at random: the one with the fewest counts, of equals the one whose
// latest is the oldest. A flood of keys that are used once so makes room for itself, and resets the limit of nobody who
// is near it.
func (l *Local) makeRoom(now time.Time) {
	var least string
	var fewest *times
	n := 0
	for key, t := range l.keys { // begins anywhere
		t.drop(now)
		if fewest == nil || t.less(fewest) {
			least, fewest = key, t
		}
		if n++; n == looked || len(t.at) == 0 {
			break
		}
	}
	delete(l.keys, least)
}

func (t *times) less(other *times) bool {
	if len(t.at) != len(other.at) || len(t.at) == 0 {
		return len(t.at) < len(other.at)
	}
	return t.at[len(t.at)-1].Before(other.at[len(other.at)-1])
}
