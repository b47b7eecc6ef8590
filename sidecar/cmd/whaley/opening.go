package main

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// newOpening follows CTFd's event, nil where there is no CTFd.
func newOpening(ctx context.Context, g *errgroup.Group, c *config.Config, live *config.Live, db *store.Store, log *slog.Logger) (instancer.Opening, error) {
	if c.AuthMode != "ctfd" {
		return nil, nil
	}
	client, err := newCTFd(c, live, log)
	if err != nil {
		return nil, err
	}
	o := opening.New(client, db, func() bool { return live.Config().FollowCTFd }, log)
	g.Go(func() error { return o.Run(ctx) })
	return o, nil
}

const endLook = 10 * time.Second // between two looks whether the event has ended

// stopAtEnd stops what runs when CTFd's event ends, if the settings want that: once, for organisers may go on trying.
func stopAtEnd(ctx context.Context, live *config.Live, rules *instancer.Instancer, library *challenge.Library, db *store.Store, log *slog.Logger) error {
	var done time.Time
	for {
		event := rules.Event()
		if why := event.Closed(time.Now()); live.Config().StopAtEnd && why != nil && why.Code == instancer.CodeOver && done != event.Ends {
			if err := stopAll(ctx, rules, library, db); err != nil {
				log.Error("instances not stopped at the event's end", "err", err)
			} else {
				log.Info("the event has ended: its instances are stopped")
				done = event.Ends
			}
		}
		select {
		case <-time.After(endLook):
		case <-ctx.Done():
			return nil
		}
	}
}

func stopAll(ctx context.Context, rules *instancer.Instancer, library *challenge.Library, db *store.Store) error {
	rows, err := db.LiveRows(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if ch, ok := library.Get(row.Challenge); ok && ch.AnyTime {
			continue
		}
		if err := rules.End(ctx, row.ID, instancer.CauseOver); err != nil {
			return err
		}
	}
	return nil
}
