package faulttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// world is what outlives a sidecar: engine, database, Redis, challenges.
type world struct {
	t       *testing.T
	engine  *docker.Engine
	db      *store.Store
	dir     string
	redis   *redis.Client
	address string
	library *challenge.Library
	pool    netip.Prefix
	ports   [2]int

	challenge string // that is started
	owns      int    // how many containers and networks of sandboxes the bystander has
	pooled    bool   // there is a pool of sandboxes
	size      atomic.Int64
}

func newWorld(t *testing.T, number int) *world {
	t.Helper()
	return makeWorld(t, number, "", "echo")
}

// newPooledWorld has a pool of one sandbox, and a challenge that fits into it.
func newPooledWorld(t *testing.T, number int, postgres bool) *world {
	t.Helper()
	url := ""
	if postgres {
		url = testkit.StartPostgres(t)
	}
	w := makeWorld(t, number, url, "plain")
	w.pooled, w.owns = true, 3
	t.Cleanup(w.removeSandboxes)
	return w
}

// removeSandboxes removes what the bystander's is in, too.
func (w *world) removeSandboxes() {
	ctx, apart := context.Background(), w.engine.WithPurpose("sandbox")
	objects, err := apart.List(ctx, "")
	for _, o := range objects {
		if o.Kind == "container" {
			err = errors.Join(err, apart.RemoveContainer(ctx, o.ID))
		}
	}
	for _, o := range objects {
		if o.Kind == "network" {
			err = errors.Join(err, apart.RemoveNetwork(ctx, o.ID))
		}
	}
	if err != nil {
		w.t.Error(err)
	}
}

func makeWorld(t *testing.T, number int, database, name string) *world {
	t.Helper()
	w := &world{t: t, engine: dockertest.Engine(t), dir: storetest.Ready(t), challenge: name, owns: 1,
		pool:  netip.MustParsePrefix(fmt.Sprintf("10.193.%d.0/24", number)),
		ports: [2]int{23000 + 100*number, 23099 + 100*number},
	}
	server := testkit.StartRedis(t, filepath.Join("..", "..", "..", "traefik", "redis.conf"))
	w.address = server.Addr()
	w.redis = redis.NewClient(&redis.Options{Addr: w.address})
	t.Cleanup(func() { w.redis.Close() })
	var err error
	if w.db, err = store.Open(context.Background(), database, w.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, w.challenge), os.DirFS(dockertest.TestServerContext(t))); err != nil {
		t.Fatal(err)
	}
	for name, text := range files[w.challenge] {
		if err := os.WriteFile(filepath.Join(folder, w.challenge, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.library = challenge.NewLibrary(folder, challenge.Defaults{Timeout: time.Hour, Access: "link", FlagPrefix: "FLAG",
		Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64}})
	if problems, err := w.library.Reload(context.Background()); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return w
}

// files are those of each challenge, beside the test server.
var files = map[string]map[string]string{
	"echo": {
		"instance.toml": "[[routes]]\nservice = \"web\"\nport = 8080\n[[routes]]\nname = \"nc\"\nservice = \"web\"\nport = 9000\ntype = \"port\"\n",
		"compose.yaml":  "services:\n  web:\n    build: .\n    volumes: [\"data:/data\", \"./flag.txt:/mounted.txt:ro\"]\nvolumes:\n  data: {}\n",
		"flag.txt":      "FLAG{in_the_image_and_mounted}\n",
		"Dockerfile":    "FROM scratch\nCOPY server /server\nCOPY flag.txt /flag.txt\nCMD [\"/server\"]\n",
	},
	"plain": {
		"instance.toml": "[[routes]]\nservice = \"web\"\nport = 8080\n",
		"compose.yaml":  "services:\n  web:\n    build: .\n",
	},
}

// sidecar is one life of a process.
type sidecar struct {
	*instancer.Instancer
	*faults
	end func()
}

// start runs a sidecar until its first look at everything is done.
func (w *world) start(f *faults) *sidecar {
	w.t.Helper()
	log := w.log()
	subnets, err := subnet.New(w.db, w.pool)
	if err != nil {
		w.t.Fatal(err)
	}
	ports, err := port.New(w.db, w.ports[0], w.ports[1])
	if err != nil {
		w.t.Fatal(err)
	}
	router, err := traefik.New("redis://"+w.address+"/0", traefik.Options{HTTP: true}, log)
	if err != nil {
		w.t.Fatal(err)
	}
	looked := &lookedRouter{Router: faultyRouter{router, f}, done: make(chan struct{})}
	parts := containers.Needs{
		Engine: faultyEngine{w.engine, f}, Subnets: faultySubnets{subnets, f}, Ports: faultyPorts{ports, f},
	}
	var pool *sandbox.Pool
	if w.pooled {
		w.size.Store(1)
		pool = w.newPool(subnets, f)
		parts.Sandboxes = pool
	}
	life, err := core.New(core.Parts{
		Docker: parts, Log: log,
		Rules: instancer.Needs{
			Store: faultyStore{w.db, f}, Prober: probe.New(w.engine), Router: looked, Challenges: w.library,
			Flags: faultyFlags{fixedFlags{}, f},
		},
		Options: instancer.Options{BaseDomain: "instances.localhost", SlugKey: []byte("key"), ReconcileEvery: time.Hour},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var also []func(context.Context) error
	if pool != nil {
		also = append(also, func(ctx context.Context) error {
			return pool.Run(ctx, life.Containers.Demand(life, w.library.All))
		})
	}
	life.Start(context.Background(), also...)
	select {
	case <-looked.done:
	case <-time.After(30 * time.Second):
		w.t.Fatal("the first look at everything does not end")
	}
	s := &sidecar{Instancer: life.Instancer, faults: f, end: func() {
		if err := life.Stop(); err != nil {
			w.t.Error(err)
		}
		router.Close()
	}}
	if pool != nil {
		w.filled(s, 1)
	}
	return s
}

// log is of a sidecar: to be seen with FAULT_LOG=1.
func (w *world) log() *slog.Logger {
	if os.Getenv("FAULT_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// lookedRouter tells of the first comparison of routes, which is the last step of a look at everything.
type lookedRouter struct {
	instancer.Router
	done chan struct{}
	told bool
}

func (r *lookedRouter) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	err := r.Router.Sync(ctx, list)
	if !r.told {
		r.told = true
		close(r.done)
	}
	return err
}

func player(name string) whaley.Player {
	return whaley.Player{ID: name, Owner: whaley.Owner{ID: name, Name: name}}
}

// settled waits until nothing is on its way any more, and returns the rows that live.
func (w *world) settled() []*whaley.Instance {
	w.t.Helper()
	var live []*whaley.Instance
	testkit.Eventually(w.t, 60*time.Second, "nothing is on its way", func() (err error) {
		if live, err = w.db.Live(context.Background(), ""); err != nil {
			return err
		}
		for _, in := range live {
			if in.State != whaley.Running {
				return fmt.Errorf("%s is %s", in.ID, in.State)
			}
		}
		return nil
	})
	return live
}

// audit compares everything there is with the rows of running instances.
func (w *world) audit(live []*whaley.Instance) error {
	ctx := context.Background()
	var owned []string
	for _, in := range live {
		owned = append(owned, in.ID)
	}
	slices.Sort(owned)
	objects, err := w.engine.List(ctx, "")
	if err != nil {
		return err
	}
	pooled, err := w.inSandboxes()
	if err != nil {
		return err
	}
	has := map[string][]string{}
	for _, o := range objects {
		has[o.Labels.Instance] = append(has[o.Labels.Instance], o.Kind)
		if o.Kind == "container" && !o.Running {
			return fmt.Errorf("a container of %s does not run", o.Labels.Instance)
		}
	}
	for id, kinds := range has {
		if slices.Sort(kinds); !slices.Contains(owned, id) || !slices.Equal(kinds, w.kinds(pooled[id])) {
			return fmt.Errorf("%s, of which the live ones are %v, has %v", id, owned, kinds)
		}
	}
	subnets, err := w.db.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	ports, err := w.db.HeldPorts(ctx)
	if err != nil {
		return err
	}
	routed := map[string]string{}
	keys, err := w.redis.Keys(ctx, "traefik/http/routers/*/rule").Result()
	if err != nil {
		return err
	}
	for _, key := range keys {
		if name := strings.Split(key, "/")[3]; name != "whaley-sentinel" {
			routed[key] = name
		}
	}
	networked := slices.DeleteFunc(slices.Clone(owned), func(id string) bool { return pooled[id] })
	published := owned
	if w.pooled {
		published = nil
		maps.DeleteFunc(
			subnets, func(_ netip.Prefix, holder string) bool { return strings.HasPrefix(holder, whaley.SandboxPrefix) },
		)
	}
	for what, of := range map[string]struct{ holders, want []string }{
		"objects": {slices.Collect(maps.Keys(has)), owned}, "subnets": {slices.Collect(maps.Values(subnets)), networked},
		"ports": {slices.Collect(maps.Values(ports)), published}, "routes": {slices.Collect(maps.Values(routed)), owned},
	} {
		if slices.Sort(of.holders); !slices.Equal(of.holders, of.want) {
			return fmt.Errorf("%s are held by %v, and should be by %v", what, of.holders, of.want)
		}
	}
	if w.pooled {
		if err := w.auditPool(int(w.size.Load())); err != nil {
			return err
		}
	}
	return errors.Join(w.auditImages(ctx), w.auditFiles())
}

// kinds are the objects of an instance of the challenge, in their order.
func (w *world) kinds(pooled bool) []string {
	switch {
	case w.challenge == "echo":
		return []string{"container", "files", "network", "volume"}
	case pooled:
		return []string{"container"}
	}
	return []string{"container", "network"}
}

// inSandboxes are the instances that have one.
func (w *world) inSandboxes() (map[string]bool, error) {
	all, err := w.db.Sandboxes(context.Background())
	pooled := map[string]bool{}
	for _, sb := range all {
		if sb.State == whaley.SandboxTaken {
			pooled[sb.Instance] = true
		}
	}
	return pooled, err
}

// auditImages finds images of revisions that no challenge has.
func (w *world) auditImages(ctx context.Context) error {
	var stray []string
	err := w.engine.RemoveImages(ctx, func(id, revision, _ string) bool {
		if ch, known := w.library.Get(id); !known || ch.Revision != revision {
			stray = append(stray, id+":"+revision)
		}
		return true
	})
	if len(stray) > 0 {
		return fmt.Errorf("images without a challenge: %v", stray)
	}
	return err
}

// auditFiles finds files in the data folder that are not the database's.
func (w *world) auditFiles() error {
	files, err := os.ReadDir(w.dir)
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "whaley.db") && f.Name() != "migrate.lock" {
			return fmt.Errorf("a file was left in the data folder: %s", f.Name())
		}
	}
	return err
}

// clean waits until the audit finds nothing.
func (w *world) clean(when string) {
	w.t.Helper()
	live := w.settled()
	testkit.Eventually(
		w.t, 20*time.Second, "nothing is left without an owner "+when, func() error { return w.audit(live) },
	)
}
