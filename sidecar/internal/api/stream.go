package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	keepAlive      = 15 * time.Second // between two signs of life, at the most
	streamPatience = 10 * time.Second // with a reader that takes nothing in
)

var errGaveWay = errors.New("a later stream of the same owner took its place")

// stream is an answer of server-sent events, which no proxy keeps or gathers. Its context ends with the request, with the
// process, and when it has to give way; then return, and close tells the page why.
type stream struct {
	context.Context
	w        http.ResponseWriter
	out      *http.ResponseController
	alive    *time.Ticker // at each tick, breathe
	patience time.Duration
	leave    func()
}

// follow makes a request a stream, unless there are too many already. Nothing is written yet.
func (a *API) follow(w http.ResponseWriter, r *http.Request, who string) (*stream, error) {
	ctx, end := context.WithCancelCause(r.Context())
	seat, err := a.seats.take(who, network(a.address(r)), func() { end(errGaveWay) })
	if err != nil {
		end(nil)
		return nil, err
	}
	endTurn(ctx) // what it sends is read once for many, and awaited
	ended := context.AfterFunc(a.ctx, func() { end(nil) })
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	return &stream{
		Context: ctx, w: w, out: http.NewResponseController(w), alive: time.NewTicker(keepAlive),
		patience: a.opts.StreamPatience,
		leave: func() {
			ended()
			end(nil)
			a.seats.leave(seat)
		},
	}, nil
}

// followAsAdmin is follow for an organiser; those who share a key are told apart by where they are.
func (a *API) followAsAdmin(w http.ResponseWriter, r *http.Request) (*stream, error) {
	v, _ := r.Context().Value(adminKey{}).(*adminVisit)
	return a.follow(w, r, "admin/"+v.name+" at "+network(v.from))
}

// close ends the stream. A page that had to give way is told not to come back at once, and so is the browser.
func (s *stream) close() {
	s.alive.Stop()
	if errors.Is(context.Cause(s), errGaveWay) {
		s.hurry()
		if _, err := fmt.Fprintf(s.w, "retry: %d\nevent: replaced\ndata: {}\n\n", time.Minute.Milliseconds()); err == nil {
			_ = s.flush() // nobody to tell when the reader has gone away
		}
	}
	s.leave()
}

// hurry has what follows written in time or not at all: one who does not read holds no goroutine and no memory for ever.
func (s *stream) hurry() { _ = s.out.SetWriteDeadline(time.Now().Add(s.patience)) } // of a recorder in a test: it has none

func (s *stream) flush() error {
	s.hurry()
	return s.out.Flush()
}

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
	return s.putText(id, kind, text)
}

// putText is put for what is encoded already.
func (s *stream) putText(id, kind string, text []byte) error {
	if id != "" {
		id = "id: " + id + "\n"
	}
	s.hurry()
	_, err := fmt.Fprintf(s.w, "%sevent: %s\ndata: %s\n\n", id, kind, text)
	return err
}

// breathe sends what browsers pass over: who has gone is found out by it, and proxies see that the stream lives.
func (s *stream) breathe() error {
	s.hurry()
	if _, err := fmt.Fprint(s.w, ": still here\n\n"); err != nil {
		return err
	}
	return s.flush()
}
