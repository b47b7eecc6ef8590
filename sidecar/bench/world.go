package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/metric"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// crowd is a sidecar's inside with many running instances: real rules, rows, API and metrics on an engine in memory.
type crowd struct {
	count    int
	db       *store.Store
	engine   *simulated.Engine
	keys     identity.Keys
	rules    *instancer.Instancer
	backend  netip.AddrPort // of every instance; none: an address of its own, where nothing answers
	public   http.Handler
	internal http.Handler
	metrics  http.Handler
	memory   uint64 // bytes that the heap grew by
	end      func() error
}

// newCrowd fills a database and starts a sidecar on it, as after a restart. Some challenges are loaded, one of which
// every owner runs.
func newCrowd(ctx context.Context, dir string, count int) (*crowd, error) {
	before := heap()
	log := slog.New(slog.DiscardHandler)
	dir = filepath.Join(dir, fmt.Sprint("crowd-", count))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, "", dir)
	if err != nil {
		return nil, err
	}
	c := &crowd{count: count, db: db, engine: simulated.NewWorld().Engine("bench")}
	if c.keys, err = identity.Derive(bytes.Repeat([]byte{1}, 32)); err != nil {
		return nil, err
	}
	library, err := manyChallenges(ctx, filepath.Join(dir, "challenges"))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	for n := range count {
		if err := c.insert(ctx, n, now.Add(time.Hour+time.Duration(n)*time.Second)); err != nil {
			return nil, err
		}
	}
	tickets, err := identity.NewTickets(c.keys, db)
	if err != nil {
		return nil, err
	}
	life, err := core.New(core.Parts{
		DB: db, Pool: netip.MustParsePrefix("10.0.0.0/12"), Ports: [2]int{24000, 24100}, Log: log,
		Docker:  containers.Needs{Engine: c.engine},
		Rules:   instancer.Needs{Prober: c.engine, Challenges: library},
		Options: instancer.Options{BaseDomain: pluginDomain, SlugKey: c.keys.Slug, ReconcileEvery: time.Hour},
	})
	if err != nil {
		return nil, err
	}
	c.rules = life.Instancer
	stream := event.New(db, event.Options{}, log)
	db.OnEvents(stream.Tell)
	dashboard, err := url.Parse("http://whaley.localhost:8080")
	if err != nil {
		return nil, err
	}
	counted := metric.New("bench")
	state := counted.Watch(
		metric.Sources{Live: db.LiveRows, Challenges: library.All, Queue: c.rules.Queue, Policy: c.rules.Policy}, log,
	)
	inner, cancel := context.WithCancel(ctx)
	asked := api.New(
		inner, api.Needs{Instancer: c.rules, Challenges: library, Library: library, Keys: c.keys, Tickets: tickets,
			Sessions: identity.NewSessions(c.keys, db), Events: db, EventLog: db, EventStats: db.EventStats,
			EventStream: stream, AdminQueries: db,
			Containers: c.engine, Pages: http.NotFoundHandler(), Metrics: counted.Handler(), Answered: counted.Answered, Log: log},
		api.Options{
			BaseDomain: pluginDomain, Dashboard: dashboard, AuthMode: wire.AuthNone,
			Inside: netip.MustParsePrefix("10.0.0.0/12").Contains, Version: "bench", PluginKey: pluginKey,
		},
	)
	c.public, c.internal = asked.Public(), asked.Internal()
	c.metrics = counted.Handler()
	life.Start(inner, state.Run)
	c.end = func() error {
		defer cancel()
		return errors.Join(life.Stop(), db.Close())
	}
	c.memory = max(heap(), before) - before
	return c, nil
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func manyChallenges(ctx context.Context, folder string) (*challenge.Library, error) {
	for n := range 20 {
		dir := filepath.Join(folder, fmt.Sprint("challenge-", n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		for name, text := range map[string]string{
			"compose.yaml": "services:\n  web:\n    image: busybox:1.36\n",
			"instance.toml": fmt.Sprintf(
				"name = \"Challenge %d\"\n[[routes]]\nservice = \"web\"\nport = 80\ntype = \"http\"\n", n,
			),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
	}
	library := challenge.NewLibrary(
		folder,
		challenge.Defaults{
			Timeout: time.Hour, Access: "link", Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64},
		},
	)
	problems, err := library.Reload(ctx)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%v", problems)
	}
	return library, err
}

// address is the nth player's.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{172, 20, byte(n >> 8), byte(n)}) }

// insert writes a running instance of the nth player, and makes what belongs to it on the engine.
func (c *crowd) insert(ctx context.Context, n int, due time.Time) error {
	id := fmt.Sprintf("challenge-%d-owner-%d", n%20, n)
	name := fmt.Sprint("challenge-", n%20)
	prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 12), byte(n >> 4), byte(n << 4)}), 28)
	player := c.keys.ByAddress(address(n))
	now := time.Now().UTC()
	in := &whaley.Instance{
		ID: id, Challenge: name, Owner: player.Owner, Player: player.ID,
		Slug: whaley.Slug(c.keys.Slug, player.Owner.ID, name), State: whaley.Running,
		Routes: []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}}, Subnet: prefix, Memory: 64 << 20,
		Addresses: map[string]netip.Addr{"web": prefix.Addr().Next().Next()}, CreatedAt: now, StartedAt: now, ExpiresAt: due,
		Terms: whaley.Terms{Name: name, Timeout: time.Hour, Access: whaley.AccessLink},
	}
	if c.backend.IsValid() {
		in.Addresses["web"], in.Routes[0].Port = c.backend.Addr(), int(c.backend.Port())
	}
	labels := instancer.Labels{
		Instance: id, Challenge: name, Owner: player.Owner.ID, Service: "web", CreatedAt: now, ExpiresAt: due,
	}
	service := whaley.Service{Name: "web", Image: "bench"}
	if err := c.engine.BuildImage(
		ctx, instancer.BuildSpec{Challenge: &whaley.Challenge{ID: name}, Service: &service}, io.Discard,
	); err != nil {
		return err
	}
	container, err := c.engine.CreateContainer(ctx, containers.ContainerSpec{Name: id, Service: service, Labels: labels})
	if err != nil {
		return err
	}
	if err := c.engine.StartContainer(ctx, container); err != nil {
		return err
	}
	return errors.Join(
		c.engine.CreateNetwork(ctx, containers.NetworkSpec{Name: whaley.NetworkName(id), Subnet: prefix, Labels: labels}),
		c.db.TakeSubnet(ctx, prefix, id),
		c.db.Insert(
			ctx, in, whaley.Quota{},
			whaley.Event{Type: "instance_running", Instance: id, Challenge: name, Owner: player.Owner.ID},
		),
	)
}

// host is where the nth player's instance is reached.
func (c *crowd) host(n int) string {
	name := fmt.Sprint("challenge-", n%20)
	return host.Join(
		host.Name{Challenge: name, Slug: whaley.Slug(c.keys.Slug, c.keys.ByAddress(address(n)).Owner.ID, name)}, pluginDomain,
	)
}

// get asks the API as the nth player.
func (c *crowd) get(n int, path string) (time.Duration, error) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = address(n).String() + ":5555"
	w := httptest.NewRecorder()
	began := time.Now()
	c.public.ServeHTTP(w, r)
	took := time.Since(began)
	if w.Code != http.StatusOK {
		return 0, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
	return took, nil
}
