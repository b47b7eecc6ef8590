package app

import (
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestASignInLastsUntilTheEventEnds(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ends := func(in time.Duration) whaley.ScoreboardEvent { return whaley.ScoreboardEvent{Ends: now.Add(in)} }
	for what, one := range map[string]struct {
		hours int
		event whaley.ScoreboardEvent
		lasts time.Duration
	}{
		"an event of 48 h":       {0, ends(48 * time.Hour), 48 * time.Hour},
		"shortly before its end": {0, ends(time.Minute), 12 * time.Hour},
		"after it":               {0, ends(-time.Hour), 12 * time.Hour},
		"a training without end": {0, whaley.ScoreboardEvent{}, week},
		"one of half a year":     {0, ends(4000 * time.Hour), month},
		"SESSION_HOURS":          {2, ends(48 * time.Hour), 2 * time.Hour},
	} {
		if lasts := sessionLife(&config.Config{SessionHours: one.hours}, one.event, now); lasts != one.lasts {
			t.Errorf("%s: %v, not %v", what, lasts, one.lasts)
		}
	}
}
