// Package memtest plays whole lives of instances in memory: the real rules, store, subnets and sandboxes on a simulated
// engine or on no engine at all, in a time that passes as soon as nobody has anything to do. It needs no root, no
// engine and no server.
package memtest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/costs"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	cluster "github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/memory"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// platform is one that also knows whether what runs on it is ready.
type platform interface {
	instancer.Platform
	instancer.Prober
}

// onContainers is the platform of containers, whose engine knows that.
type onContainers struct {
	*containers.Platform
	instancer.Prober
}

// world is a platform and a database, on which one life of a sidecar follows the other.
type world struct {
	t        *testing.T
	db       *store.Store
	host     *memory.Host // nil: it runs on the engine
	engine   *simulated.Engine
	cluster  *cluster.Cluster // not nil: it runs on that
	runs     platform
	loaded   loaded
	policy   whaley.Policy
	routes   routes
	ports    ports
	pool     int              // sandboxes to have ready
	comes    traffic          // what comes in from outside
	solved   solved           // what was solved when
	prober   instancer.Prober // nil: the engine
	pressure func() whaley.Pressure
	uses     func(*whaley.Instance) int64 // bytes that what runs is seen to use; nil: it is not looked at
	// faulty puts something between the rules and what they work with; nil: nothing.
	faulty  func(instancer.Store, instancer.Platform) (instancer.Store, instancer.Platform)
	calls   func(call string) error // asked for each call of the cluster's API; nil: none is
	subnets *subnet.Pool
	pools   netip.Prefix // that subnets are from
	rules   *instancer.Instancer
	end     func()
}

// inMemory plays a test in a world with some challenges, whose first sidecar has looked at everything: once on the
// platform of containers, whose engine is simulated, and once on the platform in memory. To the rules there is no
// difference.
func inMemory(t *testing.T, play func(w *world), challenges ...*whaley.Challenge) {
	t.Helper()
	t.Run("on a platform in memory", func(t *testing.T) { playIn(t, &world{host: memory.NewHost()}, play, challenges) })
	t.Run("on a simulated engine", func(t *testing.T) { playIn(t, &world{}, play, challenges) })
	t.Run("on a simulated cluster", func(t *testing.T) { onCluster(t, play, challenges...) })
}

// onCluster plays a test that is about a cluster, or about what only one has.
func onCluster(t *testing.T, play func(w *world), challenges ...*whaley.Challenge) {
	t.Helper()
	playIn(t, &world{cluster: cluster.New(1 << 20)}, play, challenges)
}

// onEngine plays a test that is about an engine, or about what only one has.
func onEngine(t *testing.T, play func(w *world), challenges ...*whaley.Challenge) {
	t.Helper()
	playIn(t, &world{}, play, challenges)
}

// onEngineAndCluster plays one that tells where its containers are.
func onEngineAndCluster(t *testing.T, play func(w *world), challenges ...*whaley.Challenge) {
	t.Helper()
	t.Run("on a simulated engine", func(t *testing.T) { onEngine(t, play, challenges...) })
	t.Run("on a simulated cluster", func(t *testing.T) { onCluster(t, play, challenges...) })
}

func playIn(t *testing.T, w *world, play func(w *world), challenges loaded) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), "", storetest.Ready(t))
		if err != nil {
			t.Fatal(err)
		}
		w.t, w.db, w.engine, w.loaded, w.end = t, db, simulated.NewWorld().Engine("ours"), challenges, func() {}
		w.pools = netip.MustParsePrefix("10.190.0.0/16")
		defer db.Close()
		defer func() { w.end() }()
		w.start()
		play(w)
	})
}

// start begins a life of the sidecar, in the place of the one before.
func (w *world) start() {
	w.t.Helper()
	w.end()
	log := slog.New(slog.NewTextHandler(w.output(), nil))
	var err error
	if w.subnets, err = subnet.New(w.db, w.pools); err != nil {
		w.t.Fatal(err)
	}
	pool := sandbox.New(
		w.db, w.subnets, w.engine.WithPurpose("sandbox"), sandbox.Options{Size: func() int { return w.pool }}, log,
	)
	made := containers.New(containers.Needs{
		Engine: w.engine, Subnets: w.subnets, Ports: &w.ports, Sandboxes: pool, Traffic: &w.comes, Guest: true, Log: log,
	})
	switch w.runs = (onContainers{made, w.engine}); {
	case w.host != nil:
		w.runs = w.host.Platform("ours")
	case w.cluster != nil:
		w.runs = w.pods(log)
	}
	needs := instancer.Needs{
		Store: w.db, Platform: w.runs, Prober: cmp.Or[instancer.Prober](w.prober, w.runs), Router: &w.routes,
		Challenges: w.loaded, Solves: &w.solved, Pressure: w.pressure, Log: log,
		Flags: flag.New(w.db, nil, w.loaded, flag.Options{}, log),
	}
	if w.faulty != nil {
		needs.Store, needs.Platform = w.faulty(needs.Store, needs.Platform)
	}
	var also []func(context.Context) error
	if w.uses != nil {
		book, err := costs.New(context.Background(), w.db, w.look, log)
		if err != nil {
			w.t.Fatal(err)
		}
		needs.Costs, also = book, append(also, book.Run)
	}
	life, err := core.New(core.Parts{Log: log, Rules: needs, Options: instancer.Options{
		BaseDomain: "x.localhost", SlugKey: []byte("key"), Policy: w.policy,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.rules = life.Instancer
	if w.host == nil && w.cluster == nil {
		also = append(also, func(ctx context.Context) error { return pool.Run(ctx, made.Demand(life, w.loaded.All)) })
	}
	life.Start(context.Background(), also...)
	life.PrepareImages()
	w.end = sync.OnceFunc(func() {
		if err := life.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	synctest.Wait()
}

// askedBy asks guests of the world's cluster; each time is a call like those of its API.
func (w *world) askedBy(calls func(string) error) kubernetes.Ask {
	return func(ctx context.Context, at netip.AddrPort, k guest.Key, r guest.Request) (guest.Reply, error) {
		if calls != nil && r.Do != guest.Wait {
			if err := calls("ask a guest to " + string(r.Do)); err != nil {
				return guest.Reply{}, fmt.Errorf("%w: %w", guest.ErrAway, err)
			}
		}
		return w.cluster.Ask(ctx, at, k, r)
	}
}

// inPods is the platform of a cluster, which knows what answers there.
type inPods struct {
	*kubernetes.Platform
	cluster *cluster.Cluster
	comes   *traffic
}

func (p inPods) Answers(ctx context.Context, t instancer.Target) (whaley.Scheme, error) {
	return p.cluster.Answers(ctx, t)
}

func (p inPods) Traffic(ctx context.Context, all []*whaley.Instance) (map[string]whaley.Traffic, error) {
	seen := map[string][]netip.Prefix{}
	for _, in := range all {
		seen[in.ID] = nil
	}
	return p.comes.Of(ctx, seen)
}

func (p inPods) Logs(_ context.Context, id string, _ int) (string, error) {
	return p.cluster.Printed(id)
}

// pods is the platform of the world's cluster as one life of a sidecar has it.
func (w *world) pods(log *slog.Logger) platform {
	p := kubernetes.New(kubernetes.Needs{
		API: w.cluster.Client(w.calls), Images: cluster.Images{Cluster: w.cluster}, Files: cluster.Files{}, Ports: &w.ports,
		Guests: w.askedBy(w.calls), Log: log,
	}, kubernetes.Options{Namespace: "instances", Deployment: "ours", Secret: []byte("secret")})
	if err := p.Guard(w.t.Context()); err != nil && w.calls == nil {
		w.t.Fatal(err)
	}
	return inPods{p, w.cluster, &w.comes}
}

// look is what all that runs uses now.
func (w *world) look() (at time.Time, all []costs.Use) {
	live, err := w.db.Live(context.Background(), "")
	if err != nil {
		w.t.Error(err)
	}
	for _, in := range live {
		if in.State == whaley.Running {
			all = append(all, costs.Use{
				Instance: in.ID, Challenge: in.Challenge, Revision: in.Revision, Memory: w.uses(in),
			})
		}
	}
	return time.Now(), all
}

func (w *world) output() io.Writer {
	if os.Getenv("MEM_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

func player(name string) whaley.Player {
	return whaley.Player{ID: name, Owner: whaley.Owner{ID: name, Name: name}}
}

func (w *world) spawn(name, challenge string) *whaley.Instance {
	w.t.Helper()
	in, err := w.rules.Spawn(w.t.Context(), player(name), challenge)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

func (w *world) stop(in *whaley.Instance) {
	w.t.Helper()
	if _, err := w.rules.Stop(w.t.Context(), player(in.Owner.ID), in.ID); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(id string) *whaley.Instance {
	w.t.Helper()
	in, err := w.db.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// until lets time pass until an instance is in a state.
func (w *world) until(in *whaley.Instance, state whaley.State) *whaley.Instance {
	w.t.Helper()
	now := w.get(in.ID)
	for deadline := time.Now().Add(10 * time.Minute); now.State != state; now = w.get(in.ID) {
		if time.Now().After(deadline) || !now.State.Live() {
			w.t.Fatalf("%s is %s, not %s: %v", now.ID, now.State, state, now.Reason)
		}
		time.Sleep(100 * time.Millisecond)
	}
	synctest.Wait()
	return now
}

func (w *world) running(name, challenge string) *whaley.Instance {
	w.t.Helper()
	return w.until(w.spawn(name, challenge), whaley.Running)
}

// service is the container of an instance's service.
func (w *world) service(in *whaley.Instance, name string) instancer.Object {
	w.t.Helper()
	for _, o := range w.objects(in.ID) {
		if o.Kind == "container" && o.Labels.Service == name {
			return o
		}
	}
	w.t.Fatalf("%s has no container of %s", in.ID, name)
	return instancer.Object{}
}

// kill ends a service as if it had done so itself.
func (w *world) kill(in *whaley.Instance, service string) {
	w.t.Helper()
	if err := w.runs.StopService(w.t.Context(), w.service(in, service).ID, 0); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) objects(instance string) []instancer.Object {
	w.t.Helper()
	all, err := w.runs.List(w.t.Context(), instance)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// nothingLeft fails the test if anything is there of instances.
func (w *world) nothingLeft() {
	w.t.Helper()
	synctest.Wait()
	if all := w.objects(""); len(all) > 0 {
		w.t.Errorf("there is still %+v", all)
	}
	if held, err := w.runs.Reserved(w.t.Context()); err != nil || len(held) > 0 {
		w.t.Errorf("something is still reserved for %q: %v", held, err)
	}
	if names := w.routes.names(); len(names) > 0 {
		w.t.Errorf("routes lead still to %q", names)
	}
}

// built is a challenge of services whose images are built; the first has its only route.
func built(id string, services ...whaley.Service) *whaley.Challenge {
	ch := &whaley.Challenge{
		ID: id, Name: id, Revision: "1", Timeout: time.Hour, ExtendTime: 30 * time.Minute, Access: whaley.AccessLink,
		Wake: true, Routes: []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}},
	}
	if services == nil {
		services = []whaley.Service{{Name: "web"}}
	}
	for _, s := range services {
		s.Image, s.Build = "whaley/"+id+"-"+s.Name+":1", &whaley.Build{}
		ch.Services = append(ch.Services, s)
	}
	return ch
}

// web is a service that is ready some time after its start; "never" is never.
func web(opens string) whaley.Service {
	return whaley.Service{Name: "web", Environment: []string{"OPENS=" + opens}}
}

type loaded []*whaley.Challenge

func (l loaded) Get(id string) (*whaley.Challenge, bool) {
	for _, ch := range l {
		if ch.ID == id {
			return ch, true
		}
	}
	return nil, false
}

func (l loaded) All() []*whaley.Challenge    { return l }
func (loaded) Prune(func(string) bool) error { return nil }

// routes are those that are published.
type routes struct {
	mu  sync.Mutex
	all map[string]string // name → backend
}

func (r *routes) Publish(_ context.Context, _ string, all []whaley.Publication) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range all {
		r.all[p.Name] = p.Backend
	}
	return nil
}

func (r *routes) Retract(_ context.Context, _ string, all []whaley.Publication) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range all {
		delete(r.all, p.Name)
	}
	return nil
}

func (r *routes) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	all, err := list(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.all = map[string]string{}
	r.mu.Unlock()
	return r.Publish(ctx, "", all)
}

func (r *routes) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.all))
}

// ports hands out ports of the host from 20000 on, none twice.
type ports struct {
	mu   sync.Mutex
	next int
	held map[string]map[int]int
}

func (p *ports) Reserve(_ context.Context, instance, _, _ string, internal []int) (map[int]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]map[int]int{}
	}
	if p.held[instance] == nil {
		p.held[instance] = map[int]int{}
		for _, port := range internal {
			p.held[instance][port] = 20000 + p.next
			p.next++
		}
	}
	return maps.Clone(p.held[instance]), nil
}

func (p *ports) Release(_ context.Context, instance string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, instance)
	return nil
}

func (p *ports) Holders(context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.held)), nil
}
