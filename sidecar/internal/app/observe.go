package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/forensics"
	"github.com/whaley-ctf/whaley/sidecar/internal/metric"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// observers see what happens and change nothing.
type observers struct {
	events    *event.Log
	stats     func(ctx context.Context) (whaley.EventStats, error)
	forensics *forensics.Recorder
	monitor   *monitor.Monitor
	metrics   *metric.Metrics
	tracer    trace.Tracer // nil: there are no traces
}

// watched is what observers look at.
type watched interface {
	forensics.Engine
	api.Containers
	Usage(ctx context.Context, id string) (whaley.Usage, error)
}

// observe makes the observers. What they do in the background begins with run.
func observe(
	live *config.Live, db *store.Store, engine watched, worker string, tracer trace.Tracer, log *slog.Logger,
) (*observers, error) {
	c := live.Config()
	o := &observers{
		tracer: tracer, metrics: metric.New(Version),
		events: event.New(db, event.Options{
			File:      c.EventsFile,
			Retention: func() time.Duration { return time.Duration(live.Config().EventsRetention) * time.Hour },
		}, log),
		stats:   remembered(statsAge, db.EventStats),
		monitor: monitor.New(engine, db, monitor.Options{Every: c.MonitorEvery.Duration(), Disk: c.DataDir}, log),
	}
	db.OnEvents(o.events.Tell)
	owed(live, db)
	o.events.Own(o.metrics.Event)
	var err error
	o.forensics, err = forensics.New(engine, db, forensics.Options{
		Dir: c.ForensicsDir, Holder: worker,
		Auto:      func() bool { return live.Config().ForensicsAuto },
		Retention: func() time.Duration { return time.Duration(live.Config().ForensicsRetention) * time.Hour },
		MaxBytes:  func() int64 { return int64(live.Config().ForensicsMaxMB) << 20 },
		Lines:     func() int { return live.Config().ForensicsLines },
		Compress:  func() bool { return live.Config().ForensicsCompress },
	}, log)
	if err != nil {
		return nil, err
	}
	o.forensics.OnDone(o.metrics.Captured)
	return o, nil
}

// run starts what goes on in the background.
func (o *observers) run(ctx context.Context, g *errgroup.Group) {
	for _, run := range []func(context.Context) error{o.events.Run, o.forensics.Run, o.monitor.Run} {
		g.Go(func() error { return run(ctx) })
	}
}

// systemEvent records that this sidecar started or stops.
func systemEvent(ctx context.Context, db *store.Store, kind, message string, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := db.Record(ctx, whaley.Event{Type: kind, Message: message, At: time.Now().UTC()}); err != nil {
		log.Warn("event not recorded", "type", kind, "err", err)
	}
}

// statsAge is how old the numbers of a whole table may be.
const statsAge = time.Minute

// remembered asks at most once in a while, however many want to know.
func remembered[T any](age time.Duration, ask func(context.Context) (T, error)) func(context.Context) (T, error) {
	var mu sync.Mutex
	var last T
	var at time.Time
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if !at.IsZero() && time.Since(at) < age {
			return last, nil
		}
		now, err := ask(ctx)
		if err != nil {
			return last, err
		}
		last, at = now, time.Now()
		return last, nil
	}
}
