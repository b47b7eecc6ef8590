package app

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// newOpening follows CTFd's event, nil where there is no CTFd.
func newOpening(
	ctx context.Context, g *errgroup.Group, c *config.Config, live *config.Live, db *store.Store,
	budget *ctfd.Budget, log *slog.Logger,
) (*opening.Opening, error) {
	if c.AuthMode != "ctfd" {
		return nil, nil
	}
	client, err := newCTFd(c, live, budget, log)
	if err != nil {
		return nil, err
	}
	o := opening.New(client, db, func() bool { return live.Config().FollowCTFd }, log)
	g.Go(func() error { return o.Run(ctx) })
	return o, nil
}

const endLook = 10 * time.Second // between two looks whether the event has ended

// running is what lives, and how it is ended.
type running interface {
	LiveRows(ctx context.Context) ([]whaley.LiveRow, error)
}

// ender ends an instance, telling its owner why.
type ender interface {
	End(ctx context.Context, id, cause string) error
}

// lastCall stops what runs when CTFd's event ends, if the settings want that: once, for organisers may go on trying.
type lastCall struct {
	wanted    func() bool
	event     func() whaley.ScoreboardEvent
	anyTime   func(challenge string) bool // whether it goes on after the end
	instances running
	rules     ender
	log       *slog.Logger

	done time.Time // the end that was dealt with
}

// stopAtEnd looks at intervals whether the event has ended, until ctx ends.
func stopAtEnd(
	ctx context.Context, live *config.Live, rules *instancer.Instancer, library *challenge.Library, db *store.Store,
	log *slog.Logger,
) error {
	last := &lastCall{
		wanted: func() bool { return live.Config().StopAtEnd }, event: rules.Event, instances: db, rules: rules, log: log,
		anyTime: func(id string) bool {
			ch, ok := library.Get(id)
			return ok && ch.AnyTime
		},
	}
	for {
		last.look(ctx, time.Now())
		select {
		case <-time.After(endLook):
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *lastCall) look(ctx context.Context, now time.Time) {
	event := l.event()
	if why := event.Closed(now); !l.wanted() || why == nil || why.Code != whaley.CodeOver || l.done.Equal(event.Ends) {
		return
	}
	rows, err := l.instances.LiveRows(ctx)
	for _, row := range rows {
		if err == nil && !l.anyTime(row.Challenge) {
			err = l.rules.End(ctx, row.ID, whaley.CauseOver)
		}
	}
	if err != nil {
		l.log.Error("instances not stopped at the event's end", "err", err)
		return
	}
	l.log.Info("the event has ended: its instances are stopped")
	l.done = event.Ends
}
