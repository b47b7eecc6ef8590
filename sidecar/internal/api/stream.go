package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const keepAlive = 15 * time.Second // between two signs of life, at the most

// stream is an answer of server-sent events, which no proxy keeps or gathers.
type stream struct {
	w     http.ResponseWriter
	out   *http.ResponseController
	alive *time.Ticker // at each tick, breathe
}

func openStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	return &stream{w: w, out: http.NewResponseController(w), alive: time.NewTicker(keepAlive)}
}

func (s *stream) close()       { s.alive.Stop() }
func (s *stream) flush() error { return s.out.Flush() }

// send sends one event, at once.
func (s *stream) send(kind string, value any) error {
	if err := s.put("", kind, value); err != nil {
		return err
	}
	return s.flush()
}

// put writes an event that goes out with the next flush. One with an id is what a browser that comes back names.
func (s *stream) put(id, kind string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	_, err = fmt.Fprintf(s.w, "%sevent: %s\ndata: %s\n\n", id, kind, text)
	return err
}

// breathe sends what browsers pass over: who has gone is found out by it, and proxies see that the stream lives.
func (s *stream) breathe() error {
	if _, err := fmt.Fprint(s.w, ": still here\n\n"); err != nil {
		return err
	}
	return s.flush()
}
