package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// How long a stream waits.
const (
	keepAlive      = 15 * time.Second // between two signs of life, at the most
	StreamPatience = 10 * time.Second // with a reader that takes nothing in
)

var errGaveWay = errors.New("a later stream of the same owner took its place")

// Stream is an answer of server-sent events, which no proxy keeps or gathers. Its context ends with the request, with
// the process, and when it has to give way; then return, and close tells the page why.
type Stream struct {
	context.Context
	w        http.ResponseWriter
	out      *http.ResponseController
	Alive    *time.Ticker // at each tick, breathe
	patience time.Duration
	still    func(context.Context) error // refuses once whoever reads may no longer; nil: never
	leave    func()
}

// Follow makes a request a stream, unless there are too many already. Nothing is written yet.
func (a *Surface) Follow(w http.ResponseWriter, r *http.Request, who string) (*Stream, error) {
	ctx, end := context.WithCancelCause(r.Context())
	seat, err := a.Seats.take(who, network(a.Address(r)), func() { end(errGaveWay) })
	if err != nil {
		end(nil)
		return nil, err
	}
	EndTurn(ctx) // what it sends is read once for many, and awaited
	ended := context.AfterFunc(a.Ctx, func() { end(nil) })
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	return &Stream{
		Context: ctx, w: w, out: http.NewResponseController(w), Alive: time.NewTicker(a.Opts.StreamAlive),
		patience: a.Opts.StreamPatience,
		leave: func() {
			ended()
			end(nil)
			a.Seats.leave(seat)
		},
	}, nil
}

// FollowAsAdmin is follow for an organiser; those who share a key are told apart by where they are.
func (a *Surface) FollowAsAdmin(w http.ResponseWriter, r *http.Request) (*Stream, error) {
	v, _ := r.Context().Value(AdminKey{}).(*AdminVisit)
	s, err := a.Follow(w, r, "admin/"+v.Name+" at "+network(v.From))
	if err == nil {
		s.still = v.Still
	}
	return s, err
}

// Close ends the stream. A page that had to give way is told not to come back at once, and so is the browser.
func (s *Stream) Close() {
	s.Alive.Stop()
	if errors.Is(context.Cause(s), errGaveWay) {
		s.hurry()
		if _, err := fmt.Fprintf(s.w, "retry: %d\nevent: replaced\ndata: {}\n\n", time.Minute.Milliseconds()); err == nil {
			_ = s.Flush() // nobody to tell when the reader has gone away
		}
	}
	s.leave()
}

// hurry has what follows written in time or not at all: one who does not read holds no goroutine and no memory for
// ever.
func (s *Stream) hurry() { _ = s.out.SetWriteDeadline(time.Now().Add(s.patience)) } // of a recorder in a test: it has none

// Flush sends what is written so far.
func (s *Stream) Flush() error {
	s.hurry()
	return s.out.Flush()
}

// Send sends one event, at once.
func (s *Stream) Send(kind string, value any) error {
	if err := s.Put("", kind, value); err != nil {
		return err
	}
	return s.Flush()
}

// Put writes an event that goes out with the next flush. One with an id is what a browser that comes back names.
func (s *Stream) Put(id, kind string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.PutText(id, kind, text)
}

// PutText is put for what is encoded already.
func (s *Stream) PutText(id, kind string, text []byte) error {
	if id != "" {
		id = "id: " + id + "\n"
	}
	s.hurry()
	_, err := fmt.Fprintf(s.w, "%sevent: %s\ndata: %s\n\n", id, kind, text)
	return err
}

// Breathe sends what browsers pass over: who has gone is found out by it, and proxies see that the stream lives. It
// fails for an organiser who has lost the key or the role.
func (s *Stream) Breathe() error {
	if s.still != nil {
		if err := s.still(s); err != nil {
			return err
		}
	}
	s.hurry()
	if _, err := fmt.Fprint(s.w, ": still here\n\n"); err != nil {
		return err
	}
	return s.Flush()
}

// EventPause is between two lists of a stream: a start changes several things at once.
const EventPause = 100 * time.Millisecond
