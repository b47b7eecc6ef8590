package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// wallTimeout bounds what is asked of the database about the firewall.
const wallTimeout = 10 * time.Second

// hostFirewall is the firewall and what is known of it.
type hostFirewall struct {
	*firewall.Table // nil with FIREWALL=off
	bridges         *firewall.Bridges
	arrivals        *firewall.Arrivals // nil for a moment's trial
	log             *slog.Logger
	proved          atomic.Pointer[error] // nil: not tried yet
}

// newFirewall sets the rules if it may. Without the right to do so instances run all the same, and everybody is told.
func newFirewall(c *config.Config, deployment string, pools *subnet.Chooser, log *slog.Logger) *hostFirewall {
	w := &hostFirewall{log: log}
	table := firewall.New(docker.BridgePrefix(deployment), pools.Pools(), c.ContainerMaxConnections, log)
	arrivals := newArrivals(c, deployment, log)
	if c.Firewall == "off" {
		if err := errors.Join(table.Remove(), arrivals.Remove()); err != nil {
			log.Debug("no firewall to take away", "err", err)
		}
		log.Warn("FIREWALL=off: instances may reach everything that this host listens on, and each other")
		return w
	}
	w.Table, w.arrivals, w.bridges = table, arrivals, firewall.NewBridges(docker.BridgePrefix(deployment), log)
	pools.OnChange(table.SetPools)
	if err := table.Put(); err != nil {
		log.Error(
			"NO FIREWALL: instances may reach everything that this host listens on, and each other. Setting the rules needs CAP_NET_ADMIN in the host's network namespace and nftables in its kernel",
			"err", err,
		)
	} else if err := arrivals.Put(); err != nil {
		log.Warn("one address may open any number of connections at once, while others wait", "err", err)
	}
	return w
}

// buildFence is what keeps RUN lines from the host and private networks, while there are builds. One that a killed
// sidecar left is the next build's to take away.
func buildFence(c *config.Config, deployment string, log *slog.Logger) docker.Fence {
	fence := firewall.NewBuilds(docker.BridgePrefix(deployment))
	if c.Firewall != "off" {
		return fence
	}
	if err := fence.Open(); err != nil {
		log.Debug("no fence around builds to take away", "err", err)
	}
	return nil
}

// ping is what health says of it.
func (w *hostFirewall) ping(context.Context) error {
	if w.Table == nil {
		return errors.New("FIREWALL=off: instances may reach the host and each other")
	}
	if err := w.State(); err != nil {
		return fmt.Errorf("the rules are not set: %w", err)
	}
	if proved := w.proved.Load(); proved != nil && *proved != nil {
		return *proved
	}
	if err := w.arrivals.State(); err != nil {
		return fmt.Errorf("one address may open any number of connections at once: %w", err)
	}
	return nil
}

// run keeps the rules, and lets a canary try them.
func (w *hostFirewall) run(ctx context.Context, try func(context.Context) error) error {
	if w.Table == nil {
		return nil
	}
	var canary sync.WaitGroup
	defer canary.Wait()
	canary.Go(func() { w.prove(ctx, try) })
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Run(running) })
	g.Go(func() error { return w.bridges.Run(running) })
	g.Go(func() error { return w.arrivals.Run(running) })
	return g.Wait()
}

// end takes the rules away when nothing lives that they hold.
func (w *hostFirewall) end(db *store.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), wallTimeout)
	defer cancel()
	live, err := db.Live(ctx, "")
	if w.Table == nil || err != nil || len(live) > 0 {
		return
	}
	err = w.Remove()
	if w.arrivals != nil {
		err = errors.Join(err, w.arrivals.Remove())
	}
	if err != nil {
		w.log.Debug("firewall not taken away", "err", err)
	}
}

// rules is the firewall for the instancer.
func (w *hostFirewall) rules() containers.Firewall {
	if w.Table == nil {
		return nil
	}
	return w.Table
}

// Pauses between a proof that failed and the next.
const (
	proveAgain  = 5 * time.Second
	proveSeldom = 10 * time.Minute
)

// prove lets a canary try until it holds, and says loudly what it could reach. A full disk or a busy engine at one
// moment is not to be called a broken firewall for as long as this process lives.
func (w *hostFirewall) prove(ctx context.Context, try func(context.Context) error) {
	for backoff := (loop.Backoff{First: proveAgain, Most: proveSeldom}); ; {
		err := try(ctx)
		if ctx.Err() != nil {
			return
		}
		w.proved.Store(&err)
		var leak *leakError
		switch {
		case err == nil:
			w.log.Info("firewall holds: tried from inside a container")
			return
		case errors.As(err, &leak):
			w.log.Error(
				"THE FIREWALL DOES NOT HOLD: a container like an instance's reaches what it must not", "reached", leak.reached,
				"help",
				"the sidecar must run in the network namespace of the host whose engine it uses (network_mode: host), with CAP_NET_ADMIN",
			)
		default:
			w.log.Warn("firewall check from inside a container could not run", "err", err)
		}
		if errors.Is(err, firewall.ErrNotStatic) {
			return // no later trial is another
		}
		if loop.Sleep(ctx, backoff.Next()) != nil {
			return
		}
	}
}

// leakError is what a canary reached.
type leakError struct{ reached []string }

func (e *leakError) Error() string {
	return "a container like an instance's reaches " + strings.Join(e.reached, ", ")
}

// canaryTurn waits until no other canary is under way that shares DATA_DIR: serve and check may try at once. Each one
// removes what the one before it left, and check may take the rules away that it has set, so two would spoil each
// other's proof. The caller ends the turn.
func canaryTurn(ctx context.Context, dataDir string) (io.Closer, error) {
	for {
		turn, err := store.LockFile(filepath.Join(dataDir, "canary.lock"))
		if !errors.Is(err, store.ErrFolderInUse) {
			return turn, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// proving is one proof of this deployment's rules, when its turn has come.
func proving(
	engine *docker.Engine, db *store.Store, dataDir string, pool func() netip.Prefix, listeners []net.Addr,
) func(context.Context) error {
	return func(ctx context.Context) error {
		turn, err := canaryTurn(ctx, dataDir)
		if err != nil {
			return err
		}
		defer turn.Close()
		_, err = prove(ctx, engine, db, pool(), listeners)
		return err
	}
}

// prove lets a canary try, and returns which sockets it could open besides.
func prove(
	ctx context.Context, engine *docker.Engine, db *store.Store, pool netip.Prefix, listeners []net.Addr,
) (opened []string, err error) {
	subnets, err := subnet.New(db, pool)
	if err != nil {
		return nil, err
	}
	part, err := subnets.Reserve(ctx, "canary")
	if err != nil {
		return nil, err
	}
	defer func() { _ = subnets.Release(context.WithoutCancel(ctx), "canary") }() // else the reconciler does
	found, err := firewall.Prove(ctx, engine.WithPurpose("canary"), part, listeners)
	if err != nil {
		return nil, err
	}
	if len(found.Reached) > 0 {
		return found.Opened, &leakError{found.Reached}
	}
	return found.Opened, nil
}

// TryFirewall tries the rules from inside a container. If no sidecar has set them, they are set for the moment.
func TryFirewall(ctx context.Context, c *config.Config, pool netip.Prefix) (opened []string, err error) {
	db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	deployment, err := db.Meta(ctx, "deployment", rand.Text)
	if err != nil {
		return nil, err
	}
	turn, err := canaryTurn(ctx, c.DataDir)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	log := slog.New(slog.DiscardHandler)
	table := firewall.New(docker.BridgePrefix(deployment), []netip.Prefix{pool}, c.ContainerMaxConnections, log)
	if !table.Holds() {
		if err := table.Put(); err != nil {
			return nil, fmt.Errorf("the rules cannot be set: %w", err)
		}
		w := &hostFirewall{Table: table, log: log}
		defer w.end(db)
	}
	engine, err := docker.New(docker.Options{Deployment: deployment, Folder: c.DataDir}, log)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	return prove(ctx, engine, db, pool, nil)
}
