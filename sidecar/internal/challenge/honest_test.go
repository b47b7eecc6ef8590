package challenge_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What honest authors write runs as they have written it: each folder's own services end at once unless they find what
// their file promises them, and then the instance does not get ready.
func TestEveryHonestChallengeRunsUnchanged(t *testing.T) {
	all := t.TempDir()
	if err := os.CopyFS(all, os.DirFS(filepath.Join("testdata", "honest"))); err != nil {
		t.Fatal(err)
	}
	library := challenge.NewLibrary(all, defaults)
	if err := library.KeepRevisions(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	problems, err := library.Reload(context.Background())
	for _, p := range problems {
		t.Error(p)
	}
	if n := len(library.All()); err != nil || n < 25 {
		t.Fatalf("%d honest challenges, %v", n, err)
	}
	var said testkit.Log
	rules, _ := startRules(t, library, &said)
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(6)
	for _, ch := range library.All() {
		g.Go(func() error {
			if err := runs(rules, ch.ID); err != nil {
				t.Errorf("%s: %v", ch.ID, err)
			}
			return nil
		})
	}
	_ = g.Wait() // told of above
	t.Logf("%d honest challenges ran in %s", len(library.All()), time.Since(began).Round(time.Millisecond))
	if t.Failed() {
		t.Log(said.String())
	}
}

// runs starts a challenge for an owner of its own and stops it once it is ready.
func runs(rules *instancer.Instancer, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	p := whaley.Player{ID: "owner_of_" + id, Owner: whaley.Owner{ID: "owner_of_" + id}}
	in, err := rules.Spawn(ctx, p, id)
	for err == nil && (in.State == whaley.Queued || in.State == whaley.Starting) && ctx.Err() == nil {
		in, err = rules.Await(ctx, p, in.ID, in.Version)
	}
	if err != nil {
		return err
	}
	if in.State != whaley.Running {
		return fmt.Errorf("is %s: %v", in.State, in.Reason)
	}
	_, err = rules.Stop(ctx, p, in.ID)
	return err
}

func startRules(t *testing.T, library *challenge.Library, said *testkit.Log) (*instancer.Instancer, *docker.Engine) {
	t.Helper()
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	engine := dockertest.Engine(t)
	db, err := store.Open(ctx, "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := core.New(core.Parts{
		DB: db, Pool: netip.MustParsePrefix("10.188.0.0/20"), Ports: [2]int{25000, 25100}, Log: log,
		Docker: containers.Needs{Engine: engine},
		Rules:  instancer.Needs{Prober: probe.New(engine), Challenges: library},
		Options: instancer.Options{
			BaseDomain: "instances.localhost", SlugKey: []byte("key"),
			Policy: whaley.Policy{SpawnConcurrency: 4, StartTimeout: 40 * time.Second},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	rules.Start(ctx)
	rules.PrepareImages()
	t.Cleanup(func() {
		if err := rules.Stop(); err != nil {
			t.Error(err)
		}
		db.Close()
		if err := engine.RemoveImages(context.Background(), func(_, _, _ string) bool { return false }); err != nil {
			t.Error(err)
		}
	})
	return rules.Instancer, engine
}

func TestAServiceThatIsToRestartIsStartedAgainAndOthersEndTheInstance(t *testing.T) {
	all := t.TempDir()
	for name, restart := range map[string]string{"again": "always", "once": "\"no\""} {
		if err := os.CopyFS(filepath.Join(all, name), os.DirFS(folder(t, "[[routes]]\nservice = \"web\"\nport = 8080\n",
			"services:\n  web:\n    image: busybox:1.36\n    command: httpd -f -p 8080\n    restart: "+restart+"\n"))); err != nil {
			t.Fatal(err)
		}
	}
	library := challenge.NewLibrary(all, defaults)
	if problems, err := library.Reload(context.Background()); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	var said testkit.Log
	rules, engine := startRules(t, library, &said)
	ctx := context.Background()
	containers := map[string]string{}
	instances := map[string]*whaley.Instance{}
	p := whaley.Player{ID: "owner", Owner: whaley.Owner{ID: "owner"}}
	for _, id := range []string{"again", "once"} {
		in, err := rules.Spawn(ctx, p, id)
		for err == nil && in.State != whaley.Running && in.State.Live() {
			in, err = rules.Await(ctx, p, in.ID, in.Version)
		}
		if err != nil || in.State != whaley.Running {
			t.Fatalf("%+v %v", in, err)
		}
		objects, err := engine.List(ctx, in.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if o.Kind == "container" {
				containers[id] = o.ID
			}
		}
		instances[id] = in
	}
	running := func(id string) (now bool) {
		objects, err := engine.List(ctx, instances[id].ID)
		for _, o := range objects {
			now = now || o.ID == containers[id] && o.Running
		}
		return err == nil && now
	}
	for range 2 {
		if err := engine.StopContainer(ctx, containers["again"], 0); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, 20*time.Second, "the same container runs again", func() error {
			if in, err := rules.Get(ctx, p, instances["again"].ID); err != nil || in.State != whaley.Running || !running("again") {
				return fmt.Errorf("%+v %v", in, err)
			}
			return nil
		})
	}
	if err := engine.StopContainer(ctx, containers["once"], 0); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, "the instance is stopped", func() error {
		if in, err := rules.Get(ctx, p, instances["once"].ID); err != nil || in.State != whaley.Stopped ||
			in.StopCause != whaley.CauseLost {
			return fmt.Errorf("%+v %v", in, err)
		}
		return nil
	})
}
