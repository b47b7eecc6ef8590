package event

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	backlog     = 4096 // events that may wait for the file
	subscribers = 256  // events that may wait for one who watches
)

// Store keeps the rows.
type Store interface {
	EventsAfter(ctx context.Context, id string, limit int) ([]whaley.Event, error)
	ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error)
}

// Options are the settings of a Log.
type Options struct {
	File      string               // of JSON lines; empty: none
	Retention func() time.Duration // 0: events are kept for ever
}

// Log is told of events and passes them on.
type Log struct {
	store Store
	opts  Options
	log   *slog.Logger
	lines chan whaley.Event
	gap   loop.Signal // some events may not have been told

	mu      sync.Mutex
	own     []func(whaley.Event)
	watches map[chan whaley.Event]struct{}
}

// New makes a Log that does nothing before it is told something.
func New(store Store, opts Options, log *slog.Logger) *Log {
	if opts.Retention == nil {
		opts.Retention = func() time.Duration { return 0 }
	}
	return &Log{
		store: store, opts: opts, log: log, lines: make(chan whaley.Event, backlog), gap: loop.NewSignal(),
		watches: map[chan whaley.Event]struct{}{},
	}
}

// Own has a function called for every event. It must not block.
func (l *Log) Own(f func(whaley.Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own = append(l.own, f)
}

// Tell passes events on. It never blocks.
func (l *Log) Tell(events []whaley.Event) {
	l.mu.Lock()
	own := l.own
	l.mu.Unlock()
	for _, ev := range events {
		for _, f := range own {
			f(ev)
		}
		l.pass(ev)
	}
}

// pass gives an event to the file and to those who watch.
func (l *Log) pass(ev whaley.Event) {
	select {
	case l.lines <- ev:
	default:
		l.gap.Send()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for watch := range l.watches {
		select {
		case watch <- ev:
		default: // too slow: it ends, and who reads it asks again for what follows the last it saw
			delete(l.watches, watch)
			close(watch)
		}
	}
}

// Watch gives every event from now on. The channel is closed when events may have been missed; the function ends it.
func (l *Log) Watch() (<-chan whaley.Event, func()) {
	watch := make(chan whaley.Event, subscribers)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watches[watch] = struct{}{}
	return watch, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watches, watch)
	}
}

// Run writes the file and forgets old events until ctx ends.
func (l *Log) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.writeLoop(ctx) })
	g.Go(func() error { return l.forgetLoop(ctx) })
	return g.Wait()
}

const (
	forgetEvery = 10 * time.Minute
	forgetBatch = 2000
)

func (l *Log) forgetLoop(ctx context.Context) error {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		l.forget(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Log) forget(ctx context.Context) {
	keep := l.opts.Retention()
	for keep > 0 && ctx.Err() == nil {
		n, err := l.store.ForgetEvents(ctx, time.Now().Add(-keep), forgetBatch)
		if err != nil {
			l.log.Warn("old events not deleted yet", "err", err)
			return
		}
		if n < forgetBatch {
			return
		}
	}
}
