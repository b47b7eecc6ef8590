package app

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/metric"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// measure makes everything that can be counted part of the metrics. Without METRICS_SECRET nobody scrapes, and nothing
// is asked.
func measure(
	ctx context.Context, g *errgroup.Group, live *config.Live, db *store.Store, pools *subnet.Chooser, made rules,
	library *challenge.Library, checks []api.Check, watching *observers, log *slog.Logger,
) {
	c := live.Config()
	if c.MetricsKey == "" {
		return
	}
	up := map[string]func(context.Context) error{}
	for _, check := range checks {
		up[check.Name] = check.Ping
	}
	state := watching.metrics.Watch(metric.Sources{
		Live: db.LiveRows,
		Ports: func(ctx context.Context) (int, int, error) {
			use, err := db.PortUse(ctx)
			now := live.Config()
			return use.Held, now.PortRangeEnd - now.PortRangeStart + 1, err
		},
		Subnets: subnetUse(db, pools),
		Flags: func(ctx context.Context) (int, int, error) {
			totals, err := db.FlagTotals(ctx)
			return totals.Current,
				totals.Registrations[whaley.RegistrationPending] + totals.Registrations[whaley.RegistrationFailed], err
		},
		Suspicious: func(ctx context.Context) (int, error) {
			return db.CountSuspicions(ctx, whaley.SuspicionFilter{Kind: whaley.SuspicionSharing})
		},
		Captures:   db.CaptureStats,
		Events:     watching.stats,
		Up:         up,
		Challenges: library.All,
		Queue:      made.instancer.Queue,
		Waiting:    made.instancer.Waiting,
		Warm:       made.instancer.Warm,
		Policy:     made.instancer.Policy,
		AutoOn:     func() bool { return live.Config().ForensicsAuto },
		Usage:      watching.usage,
		Costs:      made.costs.All,
		Solvers:    made.solvers.Measured,
		Detail:     func() bool { return live.Config().MetricsDetail },
	}, log)
	g.Go(func() error { return state.Run(ctx) })
}

// usage sums the last sample by challenge.
func (o *observers) usage() metric.Usage {
	last := o.monitor.Last()
	u := metric.Usage{
		At: last.At, Took: last.Took, Running: last.Running, CPU: map[string]float64{}, Memory: map[string]float64{},
	}
	for _, in := range last.Instances {
		u.CPU[in.Row.Challenge] += in.CPU / 100
		u.Memory[in.Row.Challenge] += float64(in.Memory)
	}
	return u
}

// subnetUse counts the parts of the pool that are held, and all that there are.
func subnetUse(db *store.Store, pools *subnet.Chooser) func(ctx context.Context) (held, all int, err error) {
	return func(ctx context.Context) (held, all int, err error) {
		if len(pools.Pools()) == 0 {
			return 0, 0, nil // addresses are a cluster's affair
		}
		held, err = db.SubnetsHeld(ctx)
		return held, 1 << (subnet.Bits - pools.Pool().Bits()), err
	}
}
