package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	backlog   = 1000             // events that may wait; the oldest give way
	atATime   = 500              // events that are read at once
	stale     = 24 * time.Hour   // older events are of no use to anybody: nothing was sent for long
	callTime  = 10 * time.Second // of one try
	firstWait = time.Second      // after a failed try; doubles
	longWait  = time.Minute
	patience  = 15 * time.Minute // then a message is dropped
	idle      = 2 * time.Second  // between looks for what could not be read
)

// What becomes of events.
const (
	Sent    = "sent"
	Refused = "refused" // the receiver does not want them
	Dropped = "dropped" // too many waited, or it took too long
	lost    = ""        // this sidecar ends: they stay in the outbox
)

// Outbox is where events wait, written in the transaction of what they tell.
type Outbox interface {
	Outgoing(ctx context.Context, target string, limit int) ([]whaley.Event, error)
	Told(ctx context.Context, target string, events []whaley.Event) error
	TrimOutgoing(ctx context.Context, target string, keep int) (int, error)
}

// Options say what is sent where. Functions are asked anew for each message.
type Options struct {
	Target string // name in the outbox, in logs and metrics
	URL    func() string
	Wants  func(whaley.Event) bool
	Gather time.Duration // how long the first event of a message waits for others
	// Encode makes the body of a message of the first used events; it must use at least one.
	Encode func(ctx context.Context, events []whaley.Event) (body []byte, used int, err error)
	// Sign gives further headers of a message; nil: there are none.
	Sign     func(id string, at time.Time, body []byte) http.Header
	Patience time.Duration // default 15 min; then a message is dropped
	Backlog  int           // events that may wait, default 1000; the oldest give way
}

// Owed says whether the receiver is to be told of an event.
func (o Options) Owed(ev whaley.Event) bool { return o.URL() != "" && o.Wants(ev) }

// Sender sends the events that wait in the outbox.
type Sender struct {
	opts   Options
	outbox Outbox
	log    *slog.Logger
	client *http.Client
	done   func(target, outcome string, n int)
	wake   loop.Signal
}

// New makes a Sender; done is told what became of events and must not block.
func New(outbox Outbox, opts Options, done func(target, outcome string, n int), log *slog.Logger) *Sender {
	if opts.Patience == 0 {
		opts.Patience = patience
	}
	if opts.Backlog == 0 {
		opts.Backlog = backlog
	}
	return &Sender{
		opts: opts, outbox: outbox, log: log, done: done, wake: loop.NewSignal(),
		client: &http.Client{
			Timeout:       callTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Tell says that an event is in the outbox. It never blocks.
func (s *Sender) Tell(ev whaley.Event) {
	if s.opts.Owed(ev) {
		s.wake.Send()
	}
}

// Run sends until ctx ends. What waits then is sent by the next one.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for {
		if s.opts.URL() != "" {
			if err := s.empty(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("read undelivered webhook events failed", "target", s.opts.Target, "err", err)
			}
		}
		select {
		case <-s.wake:
			if loop.Sleep(ctx, s.opts.Gather) != nil {
				return nil
			}
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// empty sends all that waits.
func (s *Sender) empty(ctx context.Context) error {
	for {
		if some, err := s.outbox.Outgoing(ctx, s.opts.Target, 1); err != nil || len(some) == 0 {
			return err
		}
		gone, err := s.outbox.TrimOutgoing(ctx, s.opts.Target, s.opts.Backlog)
		if err != nil {
			return err
		}
		if gone > 0 {
			s.done(s.opts.Target, Dropped, gone)
		}
		events, err := s.outbox.Outgoing(ctx, s.opts.Target, atATime)
		if err != nil || len(events) == 0 {
			return err
		}
		used, outcome := s.message(ctx, events)
		if outcome == lost {
			return nil
		}
		if err := s.outbox.Told(ctx, s.opts.Target, events[:used]); err != nil {
			return err
		}
		s.done(s.opts.Target, outcome, used)
	}
}

// message sends the first of some events.
func (s *Sender) message(ctx context.Context, events []whaley.Event) (used int, outcome string) {
	for used < len(events) && time.Since(events[used].At) > stale {
		used++
	}
	if used > 0 {
		return used, Dropped
	}
	body, used, err := s.opts.Encode(ctx, events)
	if err != nil || used == 0 {
		s.log.Error("events cannot be told of", "target", s.opts.Target, "err", err)
		return len(events), Dropped
	}
	return used, s.deliver(ctx, body)
}

// deliver tries until a message is taken, refused, or too old.
func (s *Sender) deliver(ctx context.Context, body []byte) string {
	id, wait := uuid.NewString(), loop.Backoff{First: firstWait, Most: longWait}
	for began := time.Now(); ; {
		url := s.opts.URL()
		if url == "" {
			return Dropped // switched off meanwhile
		}
		answer := s.try(ctx, url, id, body)
		switch {
		case ctx.Err() != nil && !answer.taken:
			return lost
		case answer.taken:
			return Sent
		case answer.refused:
			s.log.Error("webhook refuses events; is its address still right?", "target", s.opts.Target, "err", answer.err)
			return Refused
		}
		pause := answer.after
		if pause <= 0 {
			pause = wait.Next()
		}
		if time.Since(began)+pause > s.opts.Patience {
			s.log.Error("webhook delivery given up", "target", s.opts.Target, "err", answer.err)
			return Dropped
		}
		s.log.Warn("webhook delivery failed, to be retried", "target", s.opts.Target, "err", answer.err, "again_in", pause)
		if loop.Sleep(ctx, pause) != nil {
			return lost
		}
	}
}
