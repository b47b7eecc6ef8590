package app

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/costs"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// newCosts remembers what instances cost, by what the monitor sees.
func newCosts(
	ctx context.Context, g *errgroup.Group, db *store.Store, watching *observers, log *slog.Logger,
) (*costs.Book, error) {
	book, err := costs.New(ctx, db, watching.uses, log)
	if err != nil {
		return nil, err
	}
	g.Go(func() error { return book.Run(ctx) })
	return book, nil
}

// uses are what running instances used at the last look.
func (o *observers) uses() (at time.Time, all []costs.Use) {
	last := o.monitor.Last()
	for _, in := range last.Instances {
		if !in.Sampled || in.Row.State != whaley.Running {
			continue
		}
		all = append(all, costs.Use{
			Instance: in.Row.ID, Challenge: in.Row.Challenge, Revision: in.Row.Revision, Memory: in.Memory, CPUs: in.CPU / 100,
		})
	}
	return last.At, all
}
