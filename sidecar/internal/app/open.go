package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/face"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
	"github.com/whaley-ctf/whaley/sidecar/internal/sni"
	"github.com/whaley-ctf/whaley/sidecar/internal/standin"
	"github.com/whaley-ctf/whaley/sidecar/internal/web"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// openListeners comes first: a port that is taken is better known at once.
func (s *server) openListeners(ctx context.Context) error {
	s.OnStop("listeners", func() error { s.listeners.close(); return nil })
	if err := s.listeners.openAPI(s.c, s.log); err != nil {
		return err
	}
	s.worker = workerName(s.listeners.public.Addr())
	// This takes a second, for which nobody is to wait when a standby takes over: it calls itself one afterwards.
	s.pages = web.Handler(s.c.AdminPath, s.face)
	s.serveStandby(ctx)
	return nil
}

// face is the event's, as the settings in force say; before they are read, as the environment does.
func (s *server) face() face.Face {
	if s.live == nil {
		return s.c.Face
	}
	return s.live.Config().Face
}

// openDatabase reads what is in the database: keys, and the settings in force. The edge's listeners are opened once it
// is sure that this process serves: nobody is to be led to a standby's.
func (s *server) openDatabase(ctx context.Context) (err error) {
	if err := s.listeners.openEdge(s.c, s.log); err != nil {
		return err
	}
	if s.keys, err = DeriveKeys(ctx, s.c, s.db); err != nil {
		return err
	}
	if s.live, err = config.NewLive(ctx, s.env, s.db, s.keys.Setting, s.log); err != nil {
		return err
	}
	s.c = s.live.Config()
	s.deployment, err = s.db.Meta(ctx, "deployment", rand.Text)
	return err
}

// openEngine also chooses the pool and sets the firewall.
func (s *server) openEngine(ctx context.Context) (err error) {
	s.engine, err = docker.New(docker.Options{
		Fence: buildFence(s.c, s.deployment, s.log), Deployment: s.deployment, Folder: s.c.DataDir, Builder: docker.Builder(s.c.Builder), Builds: buildLimits(s.c),
		Program: program.Self, StandIn: standin.Program, Guard: s.active.Valid,
		Logins: &registry.Logins{Setting: func() string { return string(s.live.Config().RegistryLogins) }},
		Fetch:  challenge.IsPublic,
	}, s.log)
	if err != nil {
		return fmt.Errorf("DOCKER_HOST: %w", err)
	}
	s.OnStop("engine", s.engine.Close)
	s.pools, s.places = NewPools(s.live.Config, s.env, s.db, s.engine, s.deployment, s.log), portwake.NewPlaces()
	if s.c.Platform == "kubernetes" { // nothing of this host is the instances'
		s.firewall, s.ports = &hostFirewall{log: s.log}, &ports{log: s.log}
		return s.openCluster(ctx)
	}
	if err := s.pools.Choose(ctx); err != nil {
		return err
	}
	s.firewall = newFirewall(s.c, s.deployment, s.pools, s.log)
	s.ports = newPorts(s.c, s.env["DOCKER_HOST"], s.deployment, s.log)
	return nil
}

// watched is what instances run on, for who looks at them.
func (s *server) watched() watched {
	if s.cluster != nil {
		return s.cluster
	}
	return s.engine
}

func (s *server) openObservers(ctx context.Context) error {
	tracer, shut, err := tracing(ctx, s.env, s.log)
	if err != nil {
		return fmt.Errorf("OTEL_TRACES_EXPORTER: %w", err)
	}
	s.OnStop("traces", func() error { shut(); return nil })
	if tracer != nil {
		s.db.Trace(tracer)
	}
	s.observers, err = observe(s.live, s.db, s.watched(), s.worker, tracer, s.log)
	return err
}

// openRules loads the challenges and makes the instancer.
func (s *server) openRules(ctx context.Context) (err error) {
	if s.library, err = openLibrary(ctx, s.live, s.db, s.log); err != nil {
		return err
	}
	s.rules, s.checks, err = assemble(
		ctx, s.c, s.Group, s.db, s.engine, s.library, s.firewall, s.ports, s.pools, s.live, s.keys, s.observers, s.cluster, s.log,
	)
	return err
}

// openSurface makes the API and serves it.
func (s *server) openSurface(ctx context.Context) error {
	c := s.c
	tickets, err := identity.NewTickets(s.keys, s.db)
	if err != nil {
		return err
	}
	if s.pluginKey = string(c.PluginKey); s.pluginKey == "" {
		s.pluginKey = rand.Text()
	}
	if s.auth, err = openAuthentication(ctx, s.Group, c, s.live, s.keys, s.db, s.rules.instancer.Event, s.rules.budget, s.log); err != nil {
		return err
	}
	origins := kit.NewOrigins(isHome(c.Dashboard.Hostname()), s.log)
	s.checks = append(append(s.checks, s.auth.checks...), s.listeners.checks()...)
	s.checks = append(s.checks, api.Check{Name: "proxies", Ping: origins.Ping, Optional: true})
	watching := s.observers
	var look func()
	if s.rules.opening != nil {
		look = s.rules.opening.LookSoon
	}
	s.surface = api.New(ctx, api.Needs{
		Players: s.auth.players, Members: s.auth.members, Provider: s.auth.provider, Sessions: s.auth.sessions,
		Organisers: s.db, Shells: s.rules.shells(), Limiter: s.auth.limiter, Connection: s.auth.written,
		Instancer: s.rules.instancer, Challenges: s.library, Library: s.library, Keys: s.keys, Tickets: tickets,
		Events: s.db, Checks: s.checks, Settings: s.live, Flags: s.rules.flags,
		Cheating: s.rules.cheating, AdminQueries: s.db, Subnets: subnetUse(s.db, s.pools), Ports: s.rules.ports, Places: s.places,
		Containers: s.watched(),
		EventLog:   s.db, EventStats: watching.stats, EventStream: watching.events, Forensics: watching.forensics, Monitor: watching.monitor,
		Tracer: watching.tracer, Pages: s.pages, Metrics: watching.metrics.Handler(), Answered: watching.metrics.Answered,
		Opening: look, Solvers: s.rules.solvers, Trials: s.rules.trials, Rehearsals: s.rules.stage, Origins: origins, Log: s.log,
	}, api.Options{
		BaseDomain: c.BaseDomain, Dashboard: c.Dashboard, TLSPort: portOf(c.EdgeTLSListen), PluginKey: s.pluginKey,
		TLSWakes: c.Edge == "embedded" || c.WakeListen != "", PortsWake: s.cluster != nil || s.ports.forPlatform() != nil,
		MetricsKey: string(c.MetricsKey), AdminKey: string(c.AdminKey), AdapterKey: string(c.AdapterKey),
		RCTFToken: string(c.RCTFToken), AuthMode: c.AuthMode, CTFdURL: scoreboard(c),
		Trusted: c.Trusted, Proxies: c.TrustedProxies, Inside: s.pools.Contains, Version: Version,
		CTFdRole: func() whaley.Role { return ctfdRole(s.live.Config()) },
		Limits:   func() api.Limits { return limitsOf(s.live.Config()) }, Streams: maxStreams(), Turns: c.AddressTurns,
	})
	s.public.Serve(s.standbyKey, s.surface.Direct(ownNames(c)))
	s.internal.set(s.surface.Internal())
	return nil
}

// openEdge serves instances' own addresses, unless Traefik does.
func (s *server) openEdge(ctx context.Context) error {
	if s.c.Edge != "embedded" {
		s.openNames(ctx)
		return nil
	}
	front, err := edge.New(edge.Options{
		BaseDomain: s.c.BaseDomain, DashboardURL: s.c.DashboardURL,
		InternalURL: "http://" + loopback(s.listeners.internal.Addr()),
		PluginKey:   s.pluginKey, Dashboard: s.surface.Public(),
		Web: behindProxies(s.listeners.web, s.c.Trusted), TLS: behindProxies(s.listeners.tls, s.c.Trusted),
		Routes: s.rules.edge, Opener: s.opener(), Turns: s.c.AddressTurns, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.Go(func() error { return front.Run(ctx) })
	return nil
}

// openNames takes the connections by TLS that Traefik has no route for.
func (s *server) openNames(ctx context.Context) {
	if s.listeners.wake == nil {
		return
	}
	behind := &edge.Behind{
		Listener: behindProxies(s.listeners.wake, everywhere), Opener: s.opener(), Turns: s.c.AddressTurns,
		Port: portOf(s.c.EdgeTLSListen), Log: s.log,
	}
	s.Go(func() error { return behind.Run(ctx) })
}

// everywhere is whoever can reach a listener that is for proxies only.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// opener starts instances for connections by TLS.
func (s *server) opener() *sni.Opener {
	o := &sni.Opener{
		BaseDomain: s.c.BaseDomain, Rules: s.rules.instancer, Challenges: s.library, Log: s.log,
		Owners: sni.ByAddress(s.byAddress),
	}
	if s.auth.players != nil {
		o.Owners = sni.NewBySession(s.db, s.auth.players, s.keys.Slug)
	}
	return o
}

// byAddress is the player at an address. A container that has found its way to us is nobody.
func (s *server) byAddress(address netip.Addr) whaley.Player {
	if s.pools.Contains(address) {
		return whaley.Player{}
	}
	return s.keys.ByAddress(address)
}
