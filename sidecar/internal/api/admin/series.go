package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Bounds of the time that a series looks back, in minutes, and how many parts it has.
const (
	leastSpan   = 10
	mostSpan    = 7 * 24 * 60
	defaultSpan = 60
	seriesParts = 60
)

type partJSON struct {
	At       time.Time `json:"at"`
	Spawned  int       `json:"spawned"`
	Failed   int       `json:"failed"`
	Running  int       `json:"running"`
	MedianMS int64     `json:"median_ms"`
	SlowMS   int64     `json:"slow_ms"`
}

// GetSeries is how it has been with instances, part by part up to now.
func (a Handlers) GetSeries(w http.ResponseWriter, r *http.Request) error {
	minutes := defaultSpan
	if text := r.URL.Query().Get("minutes"); text != "" {
		var err error
		if minutes, err = strconv.Atoi(text); err != nil || minutes < leastSpan || minutes > mostSpan {
			return whaley.Errorf(
				whaley.Invalid, "minutes_invalid", "minutes must be a number from %d to %d.", leastSpan, mostSpan,
			)
		}
	}
	end := time.Now().UTC()
	begin := end.Add(-time.Duration(minutes) * time.Minute)
	lives, err := a.AdminQueries.Lives(r.Context(), begin)
	if err != nil {
		return err
	}
	parts := make([]partJSON, 0, seriesParts)
	for _, p := range whaley.Timeline(lives, begin, end, seriesParts) {
		parts = append(
			parts, partJSON{p.Until, p.Spawned, p.Failed, p.Running, p.Median.Milliseconds(), p.Slow.Milliseconds()},
		)
	}
	return kit.Write(w, http.StatusOK, map[string]any{"parts": parts})
}
