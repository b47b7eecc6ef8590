package faulttest

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lookedRoutes tells when a sidecar has looked at everything: its routes come last.
type lookedRoutes struct {
	*edge.Routes
	looked chan<- struct{}
}

func (r lookedRoutes) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	defer func() {
		select {
		case r.looked <- struct{}{}:
		default:
		}
	}()
	return r.Routes.Sync(ctx, list)
}

// sidecars returns what starts one more sidecar on the same database and engine, until the test ends. Their challenge
// "one" never gets ready.
func sidecars(t *testing.T, policy whaley.Policy) func(worker string) *instancer.Instancer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	url, dir := testkit.StartPostgres(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "one"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"instance.toml": "[[routes]]\nservice = \"web\"\nport = 8080\n", "Dockerfile": "FROM scratch\n",
		"compose.yaml": "services:\n  web:\n    build: .\n    healthcheck:\n      test: [\"CMD\", \"/never\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "one", file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	engine := callsEngine{simulated.NewWorld().Engine("d"), &sync.Mutex{}, map[string]int{}}
	var ended sync.WaitGroup
	t.Cleanup(ended.Wait)
	t.Cleanup(cancel)
	return func(worker string) *instancer.Instancer {
		t.Helper()
		db, err := store.Open(ctx, url, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		subnets, err := subnet.New(db, netip.MustParsePrefix("10.0.0.0/24"))
		if err != nil {
			t.Fatal(err)
		}
		ports, err := port.New(db, 23800, 23899)
		if err != nil {
			t.Fatal(err)
		}
		library := challenge.NewLibrary(dir, challenge.Defaults{Timeout: time.Hour, Access: "link", FlagPrefix: "FLAG",
			Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64}})
		if problems, err := library.Reload(ctx); err != nil || len(problems) > 0 {
			t.Fatal(problems, err)
		}
		log, looked := slog.New(slog.DiscardHandler), make(chan struct{}, 1)
		rules := instancer.New(instancer.Needs{Store: db, Platform: containers.New(containers.Needs{Engine: engine, Subnets: subnets, Ports: ports, Log: log}), Prober: probe.New(engine), Router: lookedRoutes{edge.NewRoutes(log), looked}, Challenges: library, Log: log},
			instancer.Options{BaseDomain: "x.localhost", Worker: worker, Policy: policy})
		ended.Go(func() {
			if err := rules.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		<-looked // what it found at its start it would take up
		return rules
	}
}

// TestEverySidecarTellsHowFarAStartIs asks one sidecar for instances that never get ready, one at a time, and reads stage
// and place in the queue from another one on the same database.
func TestEverySidecarTellsHowFarAStartIs(t *testing.T) {
	ctx, run := context.Background(), sidecars(t, whaley.Policy{SpawnConcurrency: 1})
	one, two := run("one"), run("two")
	spawn := func(name string) *whaley.Instance {
		t.Helper()
		in, err := one.Spawn(ctx, player(name), "one")
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	tells := func(in *whaley.Instance, stage string, position int) {
		t.Helper()
		for name, rules := range map[string]*instancer.Instancer{"the one that is at it": one, "the other": two} {
			testkit.Eventually(t, 10*time.Second, fmt.Sprintf("%s says %q %d of %s", name, stage, position, in.ID), func() error {
				now, err := rules.Get(ctx, player(in.Owner.ID), in.ID)
				if err != nil || now.Stage != stage || rules.Position(in.ID) != position || rules.Estimate(in.ID) > 0 != (position > 0) {
					return fmt.Errorf("%q %d %s %v", now.Stage, rules.Position(in.ID), rules.Estimate(in.ID), err)
				}
				return nil
			})
		}
	}
	first, second, third := spawn("first"), spawn("second"), spawn("third")
	tells(first, "Starting services", 0)
	tells(second, "", 1)
	tells(third, "", 2)
	if _, err := two.Stop(ctx, player("first"), first.ID); err != nil {
		t.Fatal(err)
	}
	tells(second, "Starting services", 0)
	tells(third, "", 1)
	tells(first, "", 0)
}

// TestTheBackOffAfterAFailedStartHoldsAtEverySidecarAndAfterARestart lets a start fail, and asks others.
func TestTheBackOffAfterAFailedStartHoldsAtEverySidecarAndAfterARestart(t *testing.T) {
	ctx, run := context.Background(), sidecars(t, whaley.Policy{SpawnConcurrency: 1, StartTimeout: 200 * time.Millisecond})
	one, two := run("one"), run("two")
	in, err := one.Spawn(ctx, player("p"), "one")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, "it fails", func() error {
		if in, err = one.Get(ctx, player("p"), in.ID); err != nil || in.State != whaley.Failed {
			return fmt.Errorf("%+v %v", in, err)
		}
		return nil
	})
	for name, rules := range map[string]*instancer.Instancer{"the one that was at it": one, "the other": two, "one that starts now": run("three")} {
		_, err := rules.Spawn(ctx, player("p"), "one")
		if reason, refused := err.(*whaley.Error); !refused || reason.Code != in.Reason.Code || reason.RetryAfter <= 0 || reason.RetryAfter > 5*time.Second {
			t.Errorf("%s says %v to another try", name, err)
		}
		view, err := rules.Wake(ctx, whaley.HostQuery{Host: "one-" + in.Slug + ".x.localhost", Player: player("p")})
		if err != nil || view.State != "failed" || view.Problem == nil || view.Problem.Code != in.Reason.Code {
			t.Errorf("%s says of its host %+v %v", name, view, err)
		}
		if list, err := rules.List(ctx, player("p")); err != nil || len(list) != 1 || list[0].ID != in.ID {
			t.Errorf("%s lists %v %v", name, list, err)
		}
	}
}
