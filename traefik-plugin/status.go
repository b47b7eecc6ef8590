package whaley

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	statusEvery = 15 * time.Second // a line at least this often, so that nobody on the way closes the stream
	statusFor   = 5 * time.Minute  // then the browser connects anew
	statusRetry = "retry: 5000\n"  // where too many streams are open: milliseconds until the browser asks again
)

// statusView is what a browser is told of a host.
type statusView struct {
	State      string        `json:"state"`
	Name       string        `json:"name,omitempty"`
	Stage      string        `json:"stage,omitempty"`
	Position   int           `json:"position,omitempty"`
	EstimateMS int64         `json:"estimate_ms,omitempty"`
	ElapsedMS  int64         `json:"elapsed_ms,omitempty"`
	Version    string        `json:"version"`
	Problem    *wire.Problem `json:"problem,omitempty"`
}

func viewOf(s wire.HostStatus) statusView {
	return statusView{State: s.State, Name: s.Name, Stage: s.Stage, Position: s.Position, EstimateMS: s.EstimateMS,
		ElapsedMS: s.ElapsedMS, Version: s.Version, Problem: s.Problem}
}

// status tells whoever may know how far the start is: once as JSON, or as server-sent events until there is nothing
// more to wait for; where too many of these are open, as one event. It never starts anything.
func (h *Handler) status(w http.ResponseWriter, r *http.Request, v *visit) {
	stream := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	if stream {
		v.query.Language = languageOf(r) // the waiting page asks; programs read English
	}
	status, err := h.sidecar.ask(r.Context(), wire.PathStatus, v.query, nil)
	if err != nil {
		h.unavailable(w, r, v)
		return
	}
	status = h.renew(w, v, status)
	if !status.Mine && (status.State != wire.StateRunning || status.Access != "link") {
		h.stranger(w, r, v)
		return
	}
	v.done()
	noStore(w)
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(viewOf(status))
		return
	}
	out := openEvents(w)
	only := ""
	if h.sidecar.enter(v.query) {
		asked := v.query
		defer func() { h.sidecar.leave(asked) }()
	} else {
		only = statusRetry // that is all: the browser asks again by itself
	}
	end := time.Now().Add(statusFor)
	for {
		text, err := json.Marshal(viewOf(status))
		if err != nil {
			return
		}
		if !out.send(only+"data: "+string(text)+"\n\n") || only != "" || settled(status.State) || time.Now().After(end) {
			return
		}
		seen := status.Version
		for status.Version == seen {
			v.query.Seen = seen
			v.query.WaitMS = int(statusEvery / time.Millisecond)
			if status, err = h.sidecar.ask(r.Context(), wire.PathStatus, v.query, nil); err != nil || r.Context().Err() != nil {
				return // the browser connects again by itself
			}
			if !out.send(": still here\n\n") {
				return
			}
		}
	}
}

// settled says whether nothing more comes without anybody asking.
func settled(state string) bool {
	return state != wire.StateQueued && state != wire.StateStarting && state != wire.StateStopping
}
