package faulttest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestManyInstancesExpireOnTime lets 500 be due in the same moment, one of which cannot be removed.
func TestManyInstancesExpireOnTime(t *testing.T) {
	const count = 500
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		t.Run(kind, func(t *testing.T) {
			url := ""
			if kind == "PostgreSQL" {
				url = testkit.StartPostgres(t)
			}
			ctx := context.Background()
			db, err := store.Open(ctx, url, storetest.Ready(t))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			engine := stuckEngine{simulated.NewWorld().Engine("d"), "echo-owner-7"}
			due := time.Now().Add(8 * time.Second).UTC()
			for n := range count {
				insertRunning(t, db, engine, n, due)
			}
			if time.Until(due) < 2*time.Second {
				t.Fatalf("the instances took until %s before their end to be written", time.Until(due))
			}
			defer runRules(t, ctx, db, engine, time.Now)()
			time.Sleep(time.Until(due) - time.Second)
			if running := countIn(t, db, whaley.Running); running != count {
				t.Errorf("%d of %d run shortly before their end", running, count)
			}
			testkit.Eventually(t, time.Minute, "none runs any more", func() error {
				if running := countIn(t, db, whaley.Running); running > 0 {
					return fmt.Errorf("%d still run", running)
				}
				return nil
			})
			late := time.Since(due)
			testkit.Eventually(t, 2*time.Minute, "all but the stuck one are gone", func() error {
				if left := countIn(t, db, whaley.Stopping); left != 1 {
					return fmt.Errorf("%d are left", left)
				}
				return nil
			})
			t.Logf(
				"%d instances due at once: the last was told to stop %s after its end, all were gone after %s", count,
				late.Round(time.Millisecond), time.Since(due).Round(time.Millisecond),
			)
			if late > 20*time.Second {
				t.Errorf("the last one was told to stop %s after its end", late)
			}
		})
	}
}

// probedEngine is one that also knows whether what runs on it is ready.
type probedEngine interface {
	containers.Engine
	instancer.Prober
}

// runRules runs a sidecar's rules on a simulated engine until the function that it returns is called.
func runRules(
	t *testing.T, ctx context.Context, db *store.Store, engine probedEngine,
	now func() time.Time,
) func() {
	t.Helper()
	rules, err := core.New(core.Parts{
		DB: db, Pool: netip.MustParsePrefix("10.0.0.0/16"), Ports: [2]int{23900, 23999}, Log: slog.New(slog.DiscardHandler),
		Docker:  containers.Needs{Engine: engine},
		Rules:   instancer.Needs{Prober: engine, Challenges: challenge.NewLibrary(t.TempDir(), challenge.Defaults{})},
		Options: instancer.Options{BaseDomain: "x.localhost", Now: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	rules.Start(ctx)
	return func() {
		if err := rules.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestAClockThatJumpsExpiresNothingEarlyAndNothingLate sets the clock back, and then on beyond the end of everything.
func TestAClockThatJumpsExpiresNothingEarlyAndNothingLate(t *testing.T) {
	const count = 20
	ctx := context.Background()
	db, err := store.Open(ctx, "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	engine := stuckEngine{simulated.NewWorld().Engine("d"), ""}
	due := time.Now().Add(2 * time.Second).UTC()
	for n := range count {
		insertRunning(t, db, engine, n, due)
	}
	var ahead, looks atomic.Int64
	ahead.Store(int64(-3 * time.Hour))
	defer runRules(t, ctx, db, engine, func() time.Time {
		looks.Add(1)
		return time.Now().Add(time.Duration(ahead.Load()))
	})()
	testkit.Eventually(t, 10*time.Second, "the moment passes that would have been the end", func() error {
		if time.Now().Before(due.Add(time.Second)) || looks.Load() < 3 {
			return fmt.Errorf("the rules looked at the clock %d times", looks.Load())
		}
		return nil
	})
	if running := countIn(t, db, whaley.Running); running != count {
		t.Errorf("%d of %d run after the clock was set back", running, count)
	}
	ahead.Store(int64(time.Hour))
	jumped := time.Now()
	testkit.Eventually(t, 10*time.Second, "none runs after the clock was set on", func() error {
		if running := countIn(t, db, whaley.Running); running > 0 {
			return fmt.Errorf("%d still run", running)
		}
		return nil
	})
	if late := time.Since(jumped); late > 20*time.Second {
		t.Errorf("the last one was told to stop %s after the jump", late)
	}
}

// stuckEngine cannot remove the containers of one instance.
type stuckEngine struct {
	*simulated.Engine
	stuck string
}

func (e stuckEngine) RemoveContainer(ctx context.Context, id string) error {
	objects, err := e.List(ctx, e.stuck)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.ID == id {
			return whaley.Errorf(whaley.Unavailable, "stuck", "It is stuck.")
		}
	}
	return e.Engine.RemoveContainer(ctx, id)
}

func insertRunning(t *testing.T, db *store.Store, engine stuckEngine, n int, due time.Time) {
	t.Helper()
	ctx := context.Background()
	id := fmt.Sprintf("echo-owner-%d", n)
	prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n / 16), byte(n % 16 * 16)}), 28)
	in := &whaley.Instance{
		ID: id, Challenge: "echo", Owner: whaley.Owner{ID: fmt.Sprint("owner", n)}, Slug: fmt.Sprint("slug", n),
		State:  whaley.Running,
		Routes: []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}}, Subnet: prefix,
		Addresses: map[string]netip.Addr{"web": prefix.Addr().Next().Next()}, CreatedAt: time.Now(), StartedAt: time.Now(),
		ExpiresAt: due,
	}
	labels := instancer.Labels{Instance: id, Challenge: "echo", Service: "web"}
	service := whaley.Service{Name: "web", Image: "echo"}
	if err := engine.BuildImage(
		ctx, instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "echo"}, Service: &service}, io.Discard,
	); err != nil {
		t.Fatal(err)
	}
	container, err := engine.CreateContainer(ctx, containers.ContainerSpec{Name: id, Service: service, Labels: labels})
	for _, err := range []error{
		err, engine.StartContainer(ctx, container),
		engine.CreateNetwork(ctx, containers.NetworkSpec{Name: id, Subnet: prefix, Labels: labels}),
		db.TakeSubnet(ctx, prefix, id), db.Insert(ctx, in, whaley.Quota{}, whaley.Event{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func countIn(t *testing.T, db *store.Store, state whaley.State) int {
	t.Helper()
	live, err := db.Live(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, in := range live {
		if in.State == state {
			n++
		}
	}
	return n
}
