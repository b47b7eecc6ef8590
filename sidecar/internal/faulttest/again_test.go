package faulttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// callsEngine counts what is made and removed in one life of a sidecar.
type callsEngine struct {
	*simulated.Engine
	mu    *sync.Mutex
	calls map[string]int
}

func (e callsEngine) count(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[what]++
}

func (e callsEngine) CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error {
	e.count("network made")
	return e.Engine.CreateNetwork(ctx, spec)
}

func (e callsEngine) RemoveNetwork(ctx context.Context, name string) error {
	e.count("network removed")
	return e.Engine.RemoveNetwork(ctx, name)
}

func (e callsEngine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error) {
	e.count(spec.Service.Name + " made")
	return e.Engine.CreateContainer(ctx, spec)
}

func (e callsEngine) RemoveContainer(ctx context.Context, id string) error {
	e.count("container removed")
	return e.Engine.RemoveContainer(ctx, id)
}

func (e callsEngine) StartContainer(ctx context.Context, id string) error {
	err := e.Engine.StartContainer(ctx, id)
	e.count("container started")
	return err
}

// Exec never finds a service healthy.
func (e callsEngine) Exec(context.Context, string, []string) (int, error) { return 1, nil }

// TestARestartUsesOfAStartWhatIsCompleteAndOnlyThat has an instance of two services that never gets ready, restarts the
// sidecar after something was done to it, and counts what the next life makes.
func TestARestartUsesOfAStartWhatIsCompleteAndOnlyThat(t *testing.T) {
	type world struct {
		db     *store.Store
		engine *simulated.Engine
		in     *whaley.Instance
		dir    string
	}
	ctx := context.Background()
	containersOf := func(t *testing.T, w *world) map[string]string {
		t.Helper()
		objects, err := w.engine.List(ctx, w.in.ID)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{}
		for _, o := range objects {
			if o.Kind == "container" {
				ids[o.Labels.Service] = o.ID
			}
		}
		return ids
	}
	everything := map[string]int{"network made": 1, "db made": 1, "web made": 1, "container started": 2}
	for name, c := range map[string]struct {
		between func(t *testing.T, w *world) error
		want    map[string]int
	}{
		"all is there": {func(*testing.T, *world) error { return nil }, map[string]int{"container started": 2}},
		"one container is gone": {
			func(t *testing.T, w *world) error { return w.engine.RemoveContainer(ctx, containersOf(t, w)["web"]) },
			map[string]int{"web made": 1, "container started": 2},
		},
		"one container was not started": {func(_ *testing.T, w *world) error {
			objects, err := w.engine.List(ctx, w.in.ID)
			for _, o := range objects {
				if o.Kind == "container" && o.Labels.Service == "web" {
					_, err = w.engine.CreateContainer(ctx, containers.ContainerSpec{Name: o.Name, Labels: o.Labels,
						Service: whaley.Service{Image: "whaley/two-web:" + w.in.Revision}})
				}
			}
			return err
		}, map[string]int{"container removed": 1, "web made": 1, "container started": 2}},
		"one container has ended": {
			func(t *testing.T, w *world) error { return w.engine.StopContainer(ctx, containersOf(t, w)["web"], 0) },
			map[string]int{
				"container removed": 2, "network removed": 1, "network made": 1, "db made": 1, "web made": 1,
				"container started": 2,
			},
		},
		"only the network is there": {func(t *testing.T, w *world) (err error) {
			for _, id := range containersOf(t, w) {
				err = w.engine.RemoveContainer(ctx, id)
			}
			return err
		}, map[string]int{"db made": 1, "web made": 1, "container started": 2}},
		"nothing is there": {func(t *testing.T, w *world) (err error) {
			for _, id := range containersOf(t, w) {
				err = errors.Join(err, w.engine.RemoveContainer(ctx, id))
			}
			return errors.Join(err, w.engine.RemoveNetwork(ctx, whaley.NetworkName(w.in.ID)))
		}, everything},
		"the challenge was edited": {func(_ *testing.T, w *world) error {
			return os.WriteFile(filepath.Join(w.dir, "two", "more.txt"), []byte("new"), 0o644)
		}, map[string]int{
			"container removed": 2, "network removed": 1, "network made": 1, "db made": 1, "web made": 1, "container started": 2,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{engine: simulated.NewWorld().Engine("d"), dir: t.TempDir()}
			var err error
			if w.db, err = store.Open(ctx, "", storetest.Ready(t)); err != nil {
				t.Fatal(err)
			}
			defer w.db.Close()
			if err := os.Mkdir(filepath.Join(w.dir, "two"), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				"instance.toml": "[[routes]]\nservice = \"web\"\nport = 8080\n", "Dockerfile": "FROM scratch\n",
				"compose.yaml": "services:\n  db:\n    build: .\n  web:\n    build: .\n    depends_on: [db]\n    healthcheck:\n      test: [\"CMD\", \"/never\"]\n",
			} {
				if err := os.WriteFile(filepath.Join(w.dir, "two", file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			// life runs a sidecar until it waits for the services that it has started.
			life := func(spawn bool) map[string]int {
				engine := callsEngine{w.engine, &sync.Mutex{}, map[string]int{}}
				library := challenge.NewLibrary(w.dir, challenge.Defaults{Timeout: time.Hour, Access: "link", FlagPrefix: "FLAG",
					Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64}})
				if problems, err := library.Reload(ctx); err != nil || len(problems) > 0 {
					t.Fatal(problems, err)
				}
				rules, err := core.New(core.Parts{
					DB: w.db, Pool: netip.MustParsePrefix("10.0.0.0/24"), Ports: [2]int{23800, 23899},
					Log: slog.New(slog.DiscardHandler), Docker: containers.Needs{Engine: engine},
					Rules:   instancer.Needs{Prober: probe.New(engine), Challenges: library},
					Options: instancer.Options{BaseDomain: "x.localhost"},
				})
				if err != nil {
					t.Fatal(err)
				}
				rules.Start(ctx)
				if spawn {
					if w.in, err = rules.Spawn(ctx, player("p"), "two"); err != nil {
						t.Fatal(err)
					}
				}
				testkit.Eventually(t, 10*time.Second, "both are started", func() error {
					engine.mu.Lock()
					defer engine.mu.Unlock()
					if engine.calls["container started"] < 2 {
						return fmt.Errorf("%v", engine.calls)
					}
					return nil
				})
				if err := rules.Stop(); err != nil {
					t.Fatal(err)
				}
				return engine.calls
			}
			if calls := life(true); !cmp.Equal(calls, everything) {
				t.Fatalf("the first life: %v", calls)
			}
			if w.in, err = w.db.Get(ctx, w.in.ID); err != nil || w.in.State != whaley.Starting {
				t.Fatalf("%+v %v", w.in, err)
			}
			if err := c.between(t, w); err != nil {
				t.Fatal(err)
			}
			if calls := life(false); !cmp.Equal(calls, c.want) {
				t.Errorf("the next life: %s", cmp.Diff(c.want, calls))
			}
			now, err := w.db.Get(ctx, w.in.ID)
			if err != nil || now.State != whaley.Starting {
				t.Fatalf("%+v %v", now, err)
			}
			if held, err := w.db.HeldSubnets(ctx); err != nil || len(held) != 1 || held[now.Subnet] != now.ID {
				t.Errorf("it is in %s, and held are %v %v", now.Subnet, held, err)
			}
		})
	}
}
