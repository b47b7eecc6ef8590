package fairtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// world is a sidecar's rules on a simulated engine. Addresses of instances are of the loopback network.
type world struct {
	t      *testing.T
	db     *store.Store
	engine *engine
	loaded *loaded
	rules  *instancer.Instancer
	end    func()
}

// newWorld runs the rules with some challenges until the test ends.
func newWorld(t *testing.T, policy whaley.Policy, challenges ...*whaley.Challenge) *world {
	t.Helper()
	return newWorldOf(t, func(*engine) {}, policy, challenges...)
}

// newWorldOf has an engine that something is done to before anything is asked of it.
func newWorldOf(t *testing.T, change func(*engine), policy whaley.Policy, challenges ...*whaley.Challenge) *world {
	t.Helper()
	db, err := store.Open(context.Background(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{
		t: t, db: db, loaded: &loaded{}, engine: &engine{Engine: simulated.NewWorld().Engine("d"), calls: map[string]int{}},
	}
	change(w.engine)
	w.loaded.set(challenges...)
	w.run(policy)
	t.Cleanup(func() { w.end() })
	return w
}

// run begins a life of the sidecar.
func (w *world) run(policy whaley.Policy) {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("FAIR_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	life, err := core.New(core.Parts{
		DB: w.db, Log: log,
		Docker: containers.Needs{
			Engine: w.engine, Subnets: &subnets{held: map[string]netip.Prefix{}}, Ports: noPorts{},
		},
		Rules:   instancer.Needs{Prober: probe.New(w.engine), Challenges: w.loaded, Flags: flags{}},
		Options: instancer.Options{BaseDomain: "x.localhost", SlugKey: []byte("key"), Policy: policy},
	})
	w.try(err)
	w.rules = life.Instancer
	life.Start(context.Background())
	w.rules.PrepareImages()
	w.end = sync.OnceFunc(func() { w.try(life.Stop()) })
}

// try fails the test on an error.
func (w *world) try(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) spawn(name, challenge string) *whaley.Instance {
	w.t.Helper()
	in, err := w.rules.Spawn(context.Background(), player(name), challenge)
	w.try(err)
	return in
}

func (w *world) get(id string) *whaley.Instance {
	w.t.Helper()
	in, err := w.db.Get(context.Background(), id)
	w.try(err)
	return in
}

// until waits until an instance is in one of some states.
func (w *world) until(id string, states ...whaley.State) *whaley.Instance {
	w.t.Helper()
	var in *whaley.Instance
	testkit.Eventually(w.t, 30*time.Second, fmt.Sprint(id, " is ", states), func() error {
		if in = w.get(id); !slices.Contains(states, in.State) {
			return fmt.Errorf("it is %s: %v", in.State, in.Reason)
		}
		return nil
	})
	return in
}

// goroutines is how many there are once no more end by themselves.
func goroutines() int {
	n := runtime.NumGoroutine()
	for range 20 {
		time.Sleep(10 * time.Millisecond)
		n = min(n, runtime.NumGoroutine())
	}
	return n
}

func player(name string) whaley.Player {
	return whaley.Player{ID: name, Owner: whaley.Owner{ID: name, Name: name}}
}

// built is a challenge of services that are built and, without routes, ready as soon as they run.
func built(id string, services ...whaley.Service) *whaley.Challenge {
	ch := &whaley.Challenge{ID: id, Name: id, Revision: "1", Timeout: time.Hour, Access: whaley.AccessLink, Wake: true}
	if services == nil {
		services = []whaley.Service{{Name: "web"}}
	}
	for _, s := range services {
		s.Image, s.Build = "whaley/"+id+"-"+s.Name+":1", &whaley.Build{}
		ch.Services = append(ch.Services, s)
	}
	return ch
}

// hanging is a challenge whose instances never get ready: nobody listens on its port.
func hanging(t *testing.T, id string) *whaley.Challenge {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ch := built(id)
	ch.Routes = []whaley.Route{{Service: "web", Port: l.Addr().(*net.TCPAddr).Port, Type: whaley.RouteTCP}}
	return ch
}

// loaded are the challenges that are loaded.
type loaded struct {
	mu  sync.Mutex
	all []*whaley.Challenge
}

func (l *loaded) set(all ...*whaley.Challenge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = all
}

func (l *loaded) Get(id string) (*whaley.Challenge, bool) {
	for _, ch := range l.All() {
		if ch.ID == id {
			return ch, true
		}
	}
	return nil, false
}

func (l *loaded) All() []*whaley.Challenge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func (l *loaded) Prune(func(string) bool) error { return nil }

// engine is a simulated one whose calls are counted, and where some take as long as a test wants.
type engine struct {
	*simulated.Engine
	building func(ctx context.Context, spec instancer.BuildSpec) error
	checking func(ctx context.Context, id string) (int, error)
	disk     func() whaley.Disk // nil: nothing is written

	mu    sync.Mutex
	calls map[string]int
}

func (e *engine) count(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[what]++
}

func (e *engine) counted(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls[what]
}

func (e *engine) Disk(ctx context.Context, mostFiles int64) (whaley.Disk, error) {
	if e.disk == nil {
		return e.Engine.Disk(ctx, mostFiles)
	}
	return e.disk(), nil
}

func (e *engine) List(ctx context.Context, instance string) ([]instancer.Object, error) {
	e.count("list " + instance)
	return e.Engine.List(ctx, instance)
}

func (e *engine) StartContainer(ctx context.Context, id string) error {
	e.count("start")
	return e.Engine.StartContainer(ctx, id)
}

func (e *engine) BuildImage(ctx context.Context, spec instancer.BuildSpec, log io.Writer) error {
	e.count("build " + spec.Challenge.ID)
	if e.building != nil {
		if err := e.building(ctx, spec); err != nil {
			return err
		}
	}
	return e.Engine.BuildImage(ctx, spec, log)
}

func (e *engine) Exec(ctx context.Context, id string, argv []string) (int, error) {
	e.count("exec")
	if e.checking != nil {
		return e.checking(ctx, id)
	}
	return e.Engine.Exec(ctx, id, argv)
}

// subnets hands out parts of the loopback network.
type subnets struct {
	mu   sync.Mutex
	next int
	held map[string]netip.Prefix
}

func (s *subnets) Reserve(_ context.Context, instance string) (netip.Prefix, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, has := s.held[instance]; !has {
		s.next++
		s.held[instance] = netip.PrefixFrom(
			netip.AddrFrom4([4]byte{127, 100 + byte(s.next>>12), byte(s.next >> 4), byte(s.next << 4)}), 28,
		)
	}
	return s.held[instance], nil
}

func (s *subnets) Avoid(context.Context, string, netip.Prefix) error { return nil }

func (s *subnets) Release(_ context.Context, instance string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, instance)
	return nil
}

func (s *subnets) Holds(netip.Prefix) bool                   { return true }
func (s *subnets) Count() int                                { return 0 }
func (s *subnets) Holders(context.Context) ([]string, error) { return nil, nil }

type noPorts struct{}

func (noPorts) Reserve(context.Context, string, string, string, []int) (map[int]int, error) {
	return map[int]int{}, nil
}
func (noPorts) Release(context.Context, string) error     { return nil }
func (noPorts) Holders(context.Context) ([]string, error) { return nil, nil }

// flags are an owner's name in digits.
type flags struct{}

func (flags) Flags(_ context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	return []string{ch.Flag.Flag(fmt.Sprintf("%032x", owner.ID)[:ch.Flag.Digits()])}, nil
}

// Spare is none.
func (flags) Spare(*whaley.Challenge) []*whaley.IssuedFlag { return nil }

func (flags) AwaitLive(context.Context, whaley.Owner, *whaley.Challenge) {}
