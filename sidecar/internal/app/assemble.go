package app

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/costs"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/rehearsal"
	"github.com/whaley-ctf/whaley/sidecar/internal/relay"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/solver"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/traffic"
	"github.com/whaley-ctf/whaley/sidecar/internal/trial"
	"golang.org/x/sync/errgroup"
)

// rules are the instancer and what was chosen for it.
type rules struct {
	instancer *instancer.Instancer
	platform  *containers.Platform
	sandboxes *sandbox.Pool
	edge      *edge.Routes // nil with EDGE=traefik
	ports     *port.Lanes
	flags     *flag.Flags
	cheating  *cheating.Detector
	opening   *opening.Opening // nil: there is no CTFd
	solvers   *solver.Solvers
	stage     *rehearsal.Stage
	trials    *trial.Trials
	costs     *costs.Book
	budget    *ctfd.Budget
}

// shells are those that the platform has; nil: none.
func (r *rules) shells() instancer.Shells {
	if r.platform == nil {
		return nil
	}
	return r.platform
}

// assemble makes the instancer and the adapters that the settings choose.
func assemble(
	ctx context.Context, c *config.Config, g *errgroup.Group, db *store.Store, engine *docker.Engine,
	library *challenge.Library, fw *hostFirewall, mapped *ports, pools *subnet.Chooser, live *config.Live, keys identity.Keys, watching *observers,
	cluster *cluster, log *slog.Logger,
) (rules, []api.Check, error) {
	made, parts, checks, err := placesOf(ctx, c, g, db, engine, fw, mapped, pools, live, cluster, log)
	if err != nil {
		return rules{}, nil, err
	}
	needs := instancer.Needs{
		Challenges: library, Forensics: watching.forensics, Tracer: watching.tracer,
		Observer: watching.metrics, Pressure: monitor.Pressure,
	}
	needs.Inside, err = relay.NewAuthority(relay.Options{
		Key: keys.Inside, BaseDomain: c.BaseDomain, Dashboard: c.Dashboard, TLSPort: portOf(c.EdgeTLSListen),
		Folder: c.DataDir,
	})
	if err != nil {
		return rules{}, nil, err
	}
	if made.costs, err = newCosts(ctx, g, db, watching, log); err != nil {
		return rules{}, nil, err
	}
	needs.Costs = made.costs
	made.budget = ctfd.NewBudget()
	if made.flags, made.cheating, err = newFlags(c, live, db, library, made.budget, log); err != nil {
		return rules{}, nil, err
	}
	needs.Flags, needs.Variables = made.flags, live
	if made.cheating != nil {
		needs.Solves = made.cheating
	}
	if made.opening, err = newOpening(ctx, g, c, live, db, made.budget, log); err != nil {
		return rules{}, nil, err
	}
	if made.opening != nil {
		needs.Opening = made.opening
	}
	var kv *traefik.Router
	if c.Edge == "traefik" {
		if kv, err = NewRouter(c, log); err != nil {
			return rules{}, nil, err
		}
		needs.Router = kv
		checks = append(checks, api.Check{Name: "redis", Ping: kv.Ping})
	} else {
		made.edge = edge.NewRoutes(log)
		needs.Router = made.edge
	}
	needs.Platform, needs.Prober = parts.Rules.Platform, parts.Rules.Prober
	if cluster != nil {
		needs.Pressure = nil // this machine's is not that of the nodes
	}
	life, err := core.New(core.Parts{
		DB: db, Rules: needs, Log: log, Docker: parts.Docker,
		Options: instancer.Options{
			BaseDomain: c.BaseDomain, SlugKey: keys.Slug, BackendHost: c.BackendHost, Policy: policy(c),
		},
	})
	if err != nil {
		return rules{}, nil, err
	}
	made.instancer, made.platform = life.Instancer, life.Containers
	checks = append(
		checks,
		api.Check{
			Name: "engine_disk", Ping: func(context.Context) error { return made.instancer.DiskShort() }, Optional: true,
		},
	)
	made.solvers = solver.New(solver.Needs{
		Instances: made.instancer, Box: engine, Flags: made.flags, Store: db, Challenges: library,
		Every: func() time.Duration { return live.Config().SolveInterval.Duration() }, Log: log,
	})
	made.trials = trial.New(trial.Needs{
		Drafts: library, Instances: made.instancer, Store: db, Prove: made.solvers.Prove, Flags: made.solvers.FlagsOf, Log: log,
	})
	made.stage = rehearsal.New(made.instancer, db, log)
	checks = append(checks, api.Check{Name: "solvers", Ping: made.solvers.Ping, Optional: true})
	made.flags.OnChange(made.instancer.OwnerChanged)
	if kv != nil {
		g.Go(func() error {
			defer kv.Close()
			return kv.Run(ctx, made.instancer.Republish)
		})
	}
	return made, checks, nil
}

// placesOf makes what instances run on: the engine and this host, or a cluster.
func placesOf(
	ctx context.Context, c *config.Config, g *errgroup.Group, db *store.Store, engine *docker.Engine, fw *hostFirewall, mapped *ports,
	pools *subnet.Chooser, live *config.Live, cluster *cluster, log *slog.Logger,
) (made rules, parts core.Parts, checks []api.Check, err error) {
	checks = []api.Check{
		{Name: "database", Ping: db.Ping}, {Name: "engine", Ping: engine.Ping}, {Name: "disk", Ping: datadir.Ping(c), Optional: true},
	}
	if cluster != nil {
		made.ports = cluster.ports
		parts.Rules.Platform, parts.Rules.Prober = cluster, probe.New(cluster)
		return made, parts, append(checks, api.Check{Name: "nodes", Ping: cluster.nodes.Ping, Optional: true}), nil
	}
	subnets, err := newSubnets(ctx, g, db, pools, log)
	if err != nil {
		return made, parts, nil, err
	}
	if made.ports, err = port.New(db, c.PortRangeStart, c.PortRangeEnd); err != nil {
		return made, parts, nil, err
	}
	if mapped.table != nil {
		made.ports.OnKnown(mapped.known)
	}
	made.sandboxes = newSandboxes(live, db, subnets, engine, log)
	pools.OnChange(func([]netip.Prefix) { made.sandboxes.Wake() })
	parts.Rules.Prober = probe.New(engine)
	parts.Docker = containers.Needs{
		Engine: engine, Subnets: subnets, Ports: made.ports, Firewall: fw.rules(), Sandboxes: made.sandboxes,
		PortMap: mapped.forPlatform(), Traffic: traffic.Kernel{}, Terminals: engine,
		Published: c.BackendHost != "", Guest: c.Guest == "on",
	}
	return made, parts, append(
		checks, api.Check{Name: "firewall", Ping: fw.ping, Optional: true}, api.Check{Name: "pool", Ping: pools.Ping, Optional: true},
		api.Check{Name: "ports", Ping: mapped.ping, Optional: true},
	), nil
}

// NewRouter makes what writes routes into the Redis of Traefik.
func NewRouter(c *config.Config, log *slog.Logger) (*traefik.Router, error) {
	extra, err := traefik.ReadExtra(c.TraefikKeys, c.TraefikKeysFile)
	if err != nil {
		return nil, err
	}
	return traefik.New(string(c.TraefikRedisURL), traefik.Options{
		Names: dialled(c.WakeListen), HTTP: c.RouteMode == "kv", AsSent: c.ForwardedAsSent,
		Secure:    c.Dashboard.Scheme == "https",
		Permanent: traefik.Permanent{DashboardUsers: string(c.DashboardUsers), CTFdURL: c.CTFdPublicURL, Extra: extra},
	}, log)
}
