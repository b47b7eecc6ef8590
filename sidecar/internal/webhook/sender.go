package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

const (
	backlog   = 1000             // events that may wait; the oldest give way
	callTime  = 10 * time.Second // of one try
	firstWait = time.Second      // after a failed try; doubles
	longWait  = time.Minute
	patience  = 15 * time.Minute // then a message is dropped
)

// What becomes of events.
const (
	Sent    = "sent"
	Refused = "refused" // the receiver does not want them
	Dropped = "dropped" // too many waited, or it took too long
)

// Options say what is sent where. Functions are asked anew for each message.
type Options struct {
	Target string // name in logs and metrics
	URL    func() string
	Wants  func(instancer.Event) bool
	Gather time.Duration // how long the first event of a message waits for others
	// Encode makes the body of a message of the first used events; it must use at least one.
	Encode func(ctx context.Context, events []instancer.Event) (body []byte, used int, err error)
	// Sign gives further headers of a message; nil: there are none.
	Sign func(id string, at time.Time, body []byte) http.Header
}

// Sender sends the events it is told of.
type Sender struct {
	opts   Options
	log    *slog.Logger
	client *http.Client
	done   func(target, outcome string, n int)
	wake   chan struct{}

	mu    sync.Mutex
	queue []instancer.Event
}

// New makes a Sender; done is told what became of events and must not block.
func New(opts Options, done func(target, outcome string, n int), log *slog.Logger) *Sender {
	return &Sender{
		opts: opts, log: log, done: done, wake: make(chan struct{}, 1),
		client: &http.Client{
			Timeout:       callTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Tell puts an event into the queue. It never blocks.
func (s *Sender) Tell(ev instancer.Event) {
	if s.opts.URL() == "" || !s.opts.Wants(ev) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == backlog {
		s.queue = s.queue[1:]
		s.done(s.opts.Target, Dropped, 1)
	}
	s.queue = append(s.queue, ev)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Waiting is how many events stand in the queue.
func (s *Sender) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// take gives the events of the next messages.
func (s *Sender) take() []instancer.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.queue
	s.queue = nil
	return taken
}

// Run sends until ctx ends. What waits then is lost: the events themselves are in the log of events.
func (s *Sender) Run(ctx context.Context) error {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
		if sleep(ctx, s.opts.Gather) != nil {
			return nil
		}
		for events := s.take(); len(events) > 0; {
			body, used, err := s.opts.Encode(ctx, events)
			if err != nil || used == 0 {
				s.log.Error("events cannot be told of", "target", s.opts.Target, "err", err)
				s.done(s.opts.Target, Dropped, len(events))
				break
			}
			outcome := s.deliver(ctx, body)
			if ctx.Err() != nil {
				return nil
			}
			s.done(s.opts.Target, outcome, used)
			events = events[used:]
		}
	}
}

// deliver tries until a message is taken, refused, or too old.
func (s *Sender) deliver(ctx context.Context, body []byte) string {
	id, wait := uuid.NewString(), firstWait
	for began := time.Now(); ; {
		url := s.opts.URL()
		if url == "" {
			return Dropped // switched off meanwhile
		}
		answer := s.try(ctx, url, id, body)
		switch {
		case ctx.Err() != nil:
			return Dropped
		case answer.taken:
			return Sent
		case answer.refused:
			s.log.Error("events are refused, is the webhook still there?", "target", s.opts.Target, "err", answer.err)
			return Refused
		}
		pause := wait
		if answer.after > 0 {
			pause = answer.after
		} else {
			wait = min(2*wait, longWait)
		}
		if time.Since(began)+pause > patience {
			s.log.Error("events not told of, they are in the log of events", "target", s.opts.Target, "err", answer.err)
			return Dropped
		}
		s.log.Warn("events not told of yet", "target", s.opts.Target, "err", answer.err, "again_in", pause)
		if sleep(ctx, pause) != nil {
			return Dropped
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
