package system

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// TestTwoSidecarsShareTheWork runs two on one PostgreSQL and one engine, and asks both for everything at once.
func TestTwoSidecarsShareTheWork(t *testing.T) {
	t.Parallel()
	url := testkit.StartPostgres(t)
	var names []string
	dir := t.TempDir()
	for n := range 5 {
		name := fmt.Sprintf("echo-%d", n)
		writeFixture(t, dir+"/"+name, fixture{})
		names = append(names, name)
	}
	shared := []string{"DATABASE_URL=" + url, "SECRET=what both of the sidecars derive from, 40 b", "SUBNET_POOL=10.192.0.0/20", "SPAWN_CONCURRENCY=6", "START_TIMEOUT=600"}
	one := start(t, "embedded", dir, shared...)
	two := start(t, "embedded", dir, shared...)
	both := []*stack{one, two}
	owners := scale(t, "SOAK_OWNERS", 6)
	var all sync.WaitGroup
	for owner := range owners {
		for _, name := range names {
			for _, s := range both {
				all.Go(func() {
					body := strings.NewReader(fmt.Sprintf(`{"challenge_id":%q}`, name))
					got, err := s.try(fmt.Sprintf("127.0.1.%d", owner+1), "POST", s.dashboard+"/instances/spawn", body, "Content-Type", "application/json")
					if err != nil || got.Status != http.StatusAccepted && got.Status != http.StatusConflict {
						t.Errorf("%d %.200s %v", got.Status, got.Body, err)
					}
				})
			}
		}
	}
	all.Wait()
	db, err := store.Open(context.Background(), url, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	one.eventually("all run", 10*time.Minute, func() error {
		live, err := db.Live(ctx, "")
		for _, in := range live {
			if in.State != "running" {
				return fmt.Errorf("%s is %s", in.ID, in.State)
			}
		}
		if len(live) != owners*len(names) {
			return fmt.Errorf("%d run %v", len(live), err)
		}
		return err
	})
	live, err := db.Live(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, in := range live {
		if has := containers(t, in.ID); len(has) != 1 {
			t.Errorf("%s has the containers %v", in.ID, has)
		}
		made++
	}
	t.Logf("%d spawns of %d owners, each asked of both sidecars: %d instances, %d duplicates", owners*len(names), owners, made, made-owners*len(names))

	// What one started, the other serves at once, stops, and tells its players of.
	stranger := "127.0.1.1"
	for _, s := range both {
		if got := s.do(stranger, "GET", s.address(stranger, names[0])+"/", nil); got.Status != http.StatusOK {
			t.Errorf("%s: %d %.200s", s.web, got.Status, got.Body)
		}
	}
	for _, in := range live {
		address := addressOf(t, in.Owner.Name)
		for _, s := range both {
			all.Go(func() {
				got, err := s.try(address, "DELETE", s.dashboard+"/instances/"+in.ID, nil)
				if err != nil || got.Status != http.StatusAccepted && got.Status != http.StatusConflict {
					t.Errorf("stopping %s: %d %.200s %v", in.ID, got.Status, got.Body, err)
				}
			})
		}
	}
	all.Wait()
	one.eventually("all are stopped", 3*time.Minute, func() error {
		left, err := db.Live(ctx, "")
		if len(left) > 0 {
			return fmt.Errorf("%d are left", len(left))
		}
		return err
	})
	for _, in := range live {
		events, err := db.Events(ctx, in.ID)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, e := range events {
			count[e.Type]++
		}
		if len(events) != 3 || count["instance_spawn"] != 1 || count["instance_running"] != 1 || count["instance_stop"] != 1 {
			t.Errorf("events of %s: %v", in.ID, count)
		}
	}
	audit(t, db)
}

// addressOf is the address that a player is named after in no-auth mode.
func addressOf(t *testing.T, name string) string {
	t.Helper()
	if !strings.HasPrefix(name, "127.") {
		t.Fatalf("the player %q is no address", name)
	}
	return name
}

// audit wants nothing that belongs to anybody to be left.
func audit(t *testing.T, db *store.Store) {
	t.Helper()
	ctx := context.Background()
	deployment, err := db.Meta(ctx, "deployment", func() string { return "" })
	if err != nil || deployment == "" {
		t.Fatalf("deployment %q %v", deployment, err)
	}
	counts := map[string]int{}
	for kind, list := range map[string][]string{
		"containers": {"ps", "-aq"}, "networks": {"network", "ls", "-q"}, "volumes": {"volume", "ls", "-q"},
	} {
		out, err := exec.Command("docker", append(list, "--filter", "label=whaley.deployment="+deployment)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		counts[kind] = len(strings.Fields(string(out)))
	}
	subnets, err := db.HeldSubnets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ports, err := db.HeldPorts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	live, err := db.Live(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	counts["subnets"], counts["ports"], counts["rows"], counts["bridges"] = len(subnets), len(ports), len(live), 0
	for _, link := range testkit.Dump(t, netlink.LinkList) {
		if strings.HasPrefix(link.Attrs().Name, docker.BridgePrefix(deployment)) {
			counts["bridges"]++
		}
	}
	t.Logf("left: %v", counts)
	for kind, count := range counts {
		if count != 0 {
			t.Errorf("%d %s without an owner", count, kind)
		}
	}
}
