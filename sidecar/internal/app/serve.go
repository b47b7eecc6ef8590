package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/standby"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// server is what serves, with all its parts. They are opened from top to bottom.
type server struct {
	*lifecycle
	env   map[string]string
	level *slog.LevelVar
	log   *slog.Logger
	c     *config.Config

	listeners  listeners
	pages      http.Handler
	public     *standby.Standby // what LISTEN answers
	standbyKey string           // what a standby shows that passes a request on to LISTEN
	internal   *swap            // what INTERNAL_LISTEN answers
	db         *store.Store
	active     *store.Active
	handing    sync.Once
	keys       identity.Keys
	live       *config.Live
	deployment string
	worker     string // the name of this process among those of the deployment
	engine     *docker.Engine
	cluster    *cluster // nil: instances run on the engine
	pools      *subnet.Chooser
	firewall   *hostFirewall
	ports      *ports
	places     *portwake.Places
	library    *challenge.Library
	observers  *observers
	rules      rules
	auth       authentication
	checks     []api.Check
	pluginKey  string
	surface    *api.API
}

// Serve runs until ctx ends, as the active sidecar or as its standby. Instances go on running afterwards.
func Serve(ctx context.Context, env map[string]string, out io.Writer) error {
	for {
		err := serveOnce(ctx, env, out)
		if ctx.Err() != nil || !errors.Is(err, store.ErrTakenOver) {
			return err
		}
	}
}

func serveOnce(ctx context.Context, env map[string]string, out io.Writer) error {
	c, err := ReadSettings(env)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	log := newLog(c, level)
	for _, m := range config.Misspelled(env) {
		log.Warn("a variable looks like a setting, but is not one", "variable", m.Name, "help", m.String())
	}
	s := &server{env: env, level: level, log: log, c: c}
	s.lifecycle, ctx = newLifecycle(ctx, log)
	defer func() { _ = s.Stop() }() // its error is that of Wait
	for _, open := range []func(context.Context) error{
		s.openListeners, s.becomeActive, s.openDatabase, s.openEngine, s.openObservers, s.openRules, s.openSurface, s.openEdge, s.openPorts,
	} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	s.start(ctx)
	fmt.Fprintf(out, "Whaley %s: the dashboard is at %s\n", Version, s.c.DashboardURL)
	log.Info(
		"serving", "dashboard", s.c.DashboardURL, "edge", s.c.Edge, "challenges", len(s.library.All()), "deployment",
		s.deployment,
	)
	err = s.Wait()
	if errors.Is(err, store.ErrTakenOver) {
		log.Warn("another sidecar became active; this one is standby now")
		return err
	}
	log.Info("ended; instances go on running")
	return err
}

// start begins what goes on in the background, once everything is there that it needs.
func (s *server) start(ctx context.Context) {
	followSettings(ctx, s.live, s.rules, s.library, s.level, s.log)
	s.Go(func() error { return s.live.Run(ctx) })
	s.Go(func() error { return new(memory).run(ctx) })
	s.pools.OnTrouble(func(message string) { systemEvent(ctx, s.db, "system_pool", message, s.log) })
	s.observers.run(ctx, s.Group)
	notify(ctx, s.Group, s.live, s.db, s.library, s.surface, s.observers, s.log)
	systemEvent(ctx, s.db, "system_start", "Whaley "+Version+" started on "+s.worker, s.log)
	measure(ctx, s.Group, s.live, s.db, s.pools, s.rules, s.library, s.checks, s.observers, s.log) // the start is counted too
	s.Go(func() error { return stopAtEnd(ctx, s.live, s.rules.instancer, s.library, s.db, s.log) })
	if s.auth.players != nil {
		wanted := func() bool { return s.live.Config().StopBanned }
		(&owners{players: s.auth.players, instances: s.db, rules: s.rules.instancer, wanted: wanted, log: s.log}).follow(
			ctx, s.Group,
		)
	}
	s.Go(func() error { return s.work(ctx) })
	s.rules.instancer.PrepareImages()
	s.Go(func() error { return followChallenges(ctx, s.library, s.rules.instancer, s.log) })
}

// work is what changes the engine and the host. Once that has ended the standby may begin: it need not wait until the
// last answer is sent.
func (s *server) work(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	if s.cluster == nil {
		s.onEngine(ctx, work)
	} else {
		work.Go(func() error { return s.cluster.nodes.Run(ctx) })
		work.Go(func() error { return s.cluster.pulls.Run(ctx) })
		work.Go(func() error { return s.cluster.lanes.run(ctx, s.db) })
	}
	work.Go(func() error { return s.rules.instancer.Run(ctx) })
	work.Go(func() error { return s.rules.flags.Run(ctx) })
	work.Go(func() error { return s.rules.cheating.Run(ctx) })
	work.Go(func() error { return s.rules.solvers.Run(ctx) })
	work.Go(func() error { return s.rules.stage.Run(ctx) })
	work.Go(func() error { return s.rules.trials.Run(ctx) })
	err := work.Wait()
	if s.active.Valid() == nil {
		systemEvent(ctx, s.db, "system_stop", "Whaley stopped on "+s.worker+"; instances go on running", s.log)
	}
	s.handOver()
	return err
}

// onEngine is what is done on this host and its engine where instances run there.
func (s *server) onEngine(ctx context.Context, work *errgroup.Group) {
	changes := subnet.Changes(ctx, docker.BridgePrefix(s.deployment), s.log)
	work.Go(func() error { return s.pools.Run(ctx, changes) })
	work.Go(func() error {
		return s.firewall.run(ctx, proving(s.engine, s.db, s.c.DataDir, s.pools.Pool, s.listeners.addresses()))
	})
	work.Go(func() error { return s.ports.run(ctx) })
	work.Go(func() error { warnOfRuntimes(ctx, s.engine, s.library, s.log); return nil })
	work.Go(func() error {
		return s.rules.sandboxes.Run(ctx, s.rules.platform.Demand(s.rules.instancer, s.library.All))
	})
}
