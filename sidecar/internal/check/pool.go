package check

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// checkPool says which pool is used, and what it holds that this host needs.
func checkPool(ctx context.Context, c *config.Config, env map[string]string, r *report) (netip.Prefix, bool) {
	pool, why, needs, err := poolNow(ctx, c, env)
	if !pool.IsValid() {
		if err != nil {
			why = err.Error()
		}
		r.fault(
			"pool", "no range is free for the networks of instances: "+why,
			"Set SUBNET_POOL to an IPv4 network that nothing else uses.",
		)
		return pool, false
	}
	if err != nil {
		r.hint("pool", "not all that this host reaches is known: %v", err)
	}
	if parts := 1 << (subnet.Bits - pool.Bits()); c.MaxInstances > parts {
		r.fault(
			"pool",
			fmt.Sprintf("the pool %s makes %d networks, and MAX_INSTANCES=%d need one each", pool, parts, c.MaxInstances),
			"Set SUBNET_POOL to a larger one, as 10.240.0.0/12.",
		)
	}
	if why != "" {
		r.fault(
			"pool", fmt.Sprintf("SUBNET_POOL=%s holds %s", pool, why),
			"Leave SUBNET_POOL empty, or set it to private addresses that nothing else uses (ip route lists what is used).",
		)
		return pool, !c.Pool.IsValid()
	}
	r.ok("pool")
	if passed := subnet.Explain(pool, needs); passed != "" && !c.Pool.IsValid() {
		r.hint("pool", "networks of instances are taken from %s, because %s", pool, passed)
	}
	return pool, true
}

// poolNow is what serve would use.
func poolNow(
	ctx context.Context, c *config.Config, env map[string]string,
) (pool netip.Prefix, why string, needs []subnet.Need, err error) {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
	if err != nil {
		return pool, "", nil, err
	}
	defer db.Close()
	deployment, err := db.Meta(ctx, "deployment", rand.Text)
	if err != nil {
		return pool, "", nil, err
	}
	engine, err := docker.New(docker.Options{Deployment: deployment, Folder: c.DataDir}, log)
	if err != nil {
		return pool, "", nil, err
	}
	defer engine.Close()
	return app.NewPools(func() *config.Config { return c }, env, db, engine, deployment, log).Would(ctx)
}
