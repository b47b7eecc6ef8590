package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
	"github.com/whaley-ctf/whaley/sidecar/internal/relay"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/standin"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/web"
)

// serve runs until ctx ends. Instances go on running afterwards.
func serve(ctx context.Context, env map[string]string, out io.Writer) error {
	c, err := readSettings(env)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	log := newLog(c, level)
	for _, m := range config.Misspelled(env) {
		log.Warn("a variable looks like a setting and is none", "variable", m.Name, "help", m.String())
	}
	listeners, err := openListeners(c, log)
	if err != nil {
		return err
	}
	defer listeners.close()
	if err := openDataDir(c.DataDir, log); err != nil {
		return err
	}
	if c.DatabaseURL == "" {
		lock, err := lockFolder(c.DataDir)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := deriveKeys(ctx, c, db)
	if err != nil {
		return err
	}
	live, err := config.NewLive(ctx, env, db, keys.Setting, log)
	if err != nil {
		return err
	}
	c = live.Config()
	deployment, err := db.Meta(ctx, "deployment", rand.Text)
	if err != nil {
		return err
	}
	worker := workerName(listeners.public.Addr())
	engine, err := docker.New(docker.Options{
		Deployment: deployment, Folder: c.DataDir, Builder: docker.Builder(c.Builder), Builds: buildLimits(c),
		Worker: worker, Program: program.Self, StandIn: standin.Program,
	}, log)
	if err != nil {
		return fmt.Errorf("DOCKER_HOST: %w", err)
	}
	defer engine.Close()
	pools := newPools(live.Config, env, db, engine, deployment, log)
	if err := pools.Choose(ctx); err != nil {
		return err
	}
	wall := newWall(c, deployment, pools, log)
	defer wall.end(db)
	library, err := openLibrary(ctx, live, db, log)
	if err != nil {
		return err
	}
	tracer, shut, err := tracing(ctx, env, log)
	if err != nil {
		return fmt.Errorf("OTEL_TRACES_EXPORTER: %w", err)
	}
	defer shut()
	if tracer != nil {
		db.Trace(tracer)
	}
	seen, err := observe(live, db, engine, worker, tracer, log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	rules, checks, err := assemble(ctx, c, g, db, engine, library, wall, pools, live, keys, worker, seen, log)
	if err != nil {
		return err
	}
	followSettings(ctx, live, rules, library, level, log)
	g.Go(func() error { return live.Run(ctx) })
	tickets, err := identity.NewTickets(keys, db)
	if err != nil {
		return err
	}
	pluginKey := string(c.PluginKey)
	if pluginKey == "" {
		pluginKey = rand.Text()
	}
	who, err := whoAsks(ctx, g, c, live, keys, db, rules.instancer.Event, log)
	if err != nil {
		return err
	}
	checks = append(append(checks, who.checks...), listeners.checks()...)
	surface := api.New(ctx, api.Needs{
		Players: who.players, Sessions: who.sessions, Limiter: who.limiter,
		Instancer: rules.instancer, Challenges: library, Library: library, Keys: keys, Tickets: tickets, Events: db, Checks: checks,
		Settings: live, Flags: rules.flags, Connection: who.written, Books: db, Containers: engine,
		EventLog: db, EventStats: seen.stats, Happening: seen.events, Forensics: seen.forensics, Monitor: seen.monitor, Tracer: seen.tracer,
		Pages: web.Handler(c.AdminPath), Metrics: seen.metrics.Handler(), Answered: seen.metrics.Answered, Log: log,
	}, api.Options{
		BaseDomain: c.BaseDomain, Dashboard: c.Dashboard, TLSPort: portOf(c.EdgeTLSListen), PluginKey: pluginKey,
		MetricsKey: string(c.MetricsKey), AdminKey: string(c.AdminKey), AuthMode: c.AuthMode, CTFdURL: scoreboard(c), Trusted: c.Trusted,
		Proxies: c.TrustedProxies, Inside: pools.Contains, Version: version,
		Limits: func() api.Limits { return limitsOf(live.Config()) }, Streams: maxStreams(),
	})
	public := surface.Public()
	g.Go(func() error {
		return listen.Serve(ctx, behindProxies(listeners.public, c.Trusted), surface.Direct(ownNames(c)), log)
	})
	g.Go(func() error { return listen.Serve(ctx, listeners.internal, surface.Internal(), log) })
	if c.Edge == "embedded" {
		front, err := edge.New(edge.Options{
			BaseDomain: c.BaseDomain, DashboardURL: c.DashboardURL, InternalURL: "http://" + loopback(listeners.internal.Addr()),
			PluginKey: pluginKey, Dashboard: public,
			Web: behindProxies(listeners.web, c.Trusted), TLS: behindProxies(listeners.tls, c.Trusted), Routes: rules.edge, Log: log,
		})
		if err != nil {
			return err
		}
		g.Go(func() error { return front.Run(ctx) })
	}
	g.Go(func() error { return new(memory).run(ctx) })
	pools.OnTrouble(func(message string) { systemEvent(ctx, db, "system_pool", message, log) })
	g.Go(func() error { return pools.Run(ctx, subnet.Changes(ctx, docker.BridgePrefix(deployment), log)) })
	g.Go(func() error { return wall.run(ctx, proving(engine, db, pools.Pool, listeners.addresses())) })
	g.Go(func() error { warnOfRuntimes(ctx, engine, library, log); return nil })
	seen.run(ctx, g)
	notify(ctx, g, live, db, library, surface, worker, seen, log)
	systemEvent(ctx, db, "system_start", "Whaley "+version+" started on "+worker, log)
	measure(ctx, g, live, db, pools, rules, library, checks, seen, log) // the start is counted too
	g.Go(func() error { return rules.instancer.Run(ctx) })
	g.Go(func() error { return rules.sandboxes.Run(ctx, rules.instancer) })
	g.Go(func() error { return rules.flags.Run(ctx) })
	g.Go(func() error { return stopAtEnd(ctx, live, rules.instancer, library, db, log) })
	if who.players != nil {
		wanted := func() bool { return live.Config().StopBanned }
		(&owners{players: who.players, instances: db, rules: rules.instancer, wanted: wanted, log: log}).follow(ctx, g)
	}
	rules.instancer.PrepareImages()
	g.Go(func() error { return followChallenges(ctx, db, library, rules.instancer, log) })
	fmt.Fprintf(out, "Whaley %s: the dashboard is at %s\n", version, c.DashboardURL)
	log.Info("serving", "dashboard", c.DashboardURL, "edge", c.Edge, "challenges", len(library.All()), "deployment", deployment)
	err = g.Wait()
	systemEvent(ctx, db, "system_stop", "Whaley stopped on "+worker+"; instances go on running", log)
	log.Info("ended; instances go on running")
	return err
}

// rules are the instancer and what was chosen for it.
type rules struct {
	instancer *instancer.Instancer
	sandboxes *sandbox.Pool
	edge      *edge.Routes // nil with EDGE=traefik
	ports     *port.Lanes
	flags     *flag.Flags
}

// assemble makes the instancer and the adapters that the settings choose.
func assemble(ctx context.Context, c *config.Config, g *errgroup.Group, db *store.Store, engine *docker.Engine, library *challenge.Library, wall *wall, pools *subnet.Chooser, live *config.Live, keys identity.Keys, worker string, seen *observers, log *slog.Logger) (rules, []api.Check, error) {
	subnets, err := newSubnets(ctx, g, db, pools, log)
	if err != nil {
		return rules{}, nil, err
	}
	ports, err := port.New(db, c.PortRangeStart, c.PortRangeEnd)
	if err != nil {
		return rules{}, nil, err
	}
	checks := []api.Check{{Name: "database", Ping: db.Ping}, {Name: "engine", Ping: engine.Ping}, {Name: "firewall", Ping: wall.ping, Optional: true}, {Name: "disk", Ping: diskPing(c), Optional: true},
		{Name: "pool", Ping: pools.Ping, Optional: true}}
	made := rules{ports: ports}
	needs := instancer.Needs{Store: db, Subnets: subnets, Ports: ports, Engine: engine, Challenges: library, Forensics: seen.forensics, Tracer: seen.tracer, Observer: seen.metrics, Log: log}
	needs.Firewall = wall.rules()
	made.sandboxes = newSandboxes(live, db, subnets, engine, worker, log)
	pools.OnChange(func([]netip.Prefix) { made.sandboxes.Wake() })
	needs.Sandboxes = made.sandboxes
	needs.Inside, err = relay.NewAuthority(relay.Options{
		Key: keys.Inside, BaseDomain: c.BaseDomain, Dashboard: c.Dashboard, TLSPort: portOf(c.EdgeTLSListen), Folder: c.DataDir,
	})
	if err != nil {
		return rules{}, nil, err
	}
	if made.flags, err = newFlags(c, live, db, library, worker, log); err != nil {
		return rules{}, nil, err
	}
	needs.Flags, needs.Variables = made.flags, live
	if needs.Opening, err = newOpening(ctx, g, c, live, db, log); err != nil {
		return rules{}, nil, err
	}
	var kv *traefik.Router
	if c.Edge == "traefik" {
		if kv, err = newRouter(c, log); err != nil {
			return rules{}, nil, err
		}
		needs.Router = kv
		checks = append(checks, api.Check{Name: "redis", Ping: kv.Ping})
	} else {
		made.edge = edge.NewRoutes(log)
		needs.Router = made.edge
	}
	made.instancer = instancer.New(needs, instancer.Options{
		BaseDomain: c.BaseDomain, SlugKey: keys.Slug, BackendHost: c.BackendHost, Worker: worker, Policy: policy(c),
	})
	checks = append(checks, api.Check{Name: "engine_disk", Ping: func(context.Context) error { return made.instancer.DiskShort() }, Optional: true})
	made.flags.OnChange(made.instancer.OwnerChanged)
	if kv != nil {
		g.Go(func() error {
			defer kv.Close()
			return kv.Run(ctx, made.instancer.Republish)
		})
	}
	return made, checks, nil
}

func newRouter(c *config.Config, log *slog.Logger) (*traefik.Router, error) {
	extra, err := traefik.ReadExtra(c.TraefikKeys, c.TraefikKeysFile)
	if err != nil {
		return nil, err
	}
	return traefik.New(string(c.TraefikRedisURL), traefik.Options{
		HTTP: c.RouteMode == "kv", AsSent: c.ForwardedAsSent, Secure: c.Dashboard.Scheme == "https",
		Permanent: traefik.Permanent{DashboardUsers: string(c.DashboardUsers), CTFdURL: c.CTFdPublicURL, Extra: extra},
	}, log)
}

// deriveKeys makes all keys, and refuses to go on with another secret than the database was made with: every
// instance would get another address.
func deriveKeys(ctx context.Context, c *config.Config, db *store.Store) (identity.Keys, error) {
	secret := []byte(c.Secret)
	if len(secret) == 0 {
		var err error
		if secret, err = identity.SecretIn(c.DataDir); err != nil {
			return identity.Keys{}, err
		}
	}
	keys, err := identity.Derive(secret)
	if err != nil {
		return identity.Keys{}, fmt.Errorf("SECRET: %w", err)
	}
	print := instancer.Slug(keys.Slug, "fingerprint", "of the secret")
	known, err := db.Meta(ctx, "secret_fingerprint", func() string { return print })
	if err != nil {
		return identity.Keys{}, err
	}
	if known != print {
		return identity.Keys{}, errors.New("the secret is not the one that this database was made with, so every address would change. " +
			"Bring back the earlier SECRET or DATA_DIR/secret, or start with an empty database")
	}
	return keys, nil
}

// scoreboard is where players have accounts; empty: nowhere, they are addresses.
func scoreboard(c *config.Config) string {
	if c.AuthMode != wire.AuthCTFd {
		return ""
	}
	return c.CTFdPublicURL
}

func portOf(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// buildLimits are what the RUN lines of one build may use.
func buildLimits(c *config.Config) docker.BuildLimits {
	return docker.BuildLimits{
		MemoryBytes: int64(c.BuildMaxMemory), NanoCPUs: int64(c.BuildMaxCPU * 1e9), Pids: c.BuildPidsLimit, DiskBytes: int64(c.BuildMaxDisk),
	}
}
