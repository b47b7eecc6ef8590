package system

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

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
