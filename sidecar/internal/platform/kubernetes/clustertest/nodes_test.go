package clustertest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/nodes"
)

// canaries runs those of a namespace until the test ends.
func canaries(t *testing.T, client kubernetes.Interface, namespace string) *nodes.Nodes {
	t.Helper()
	guest, err := images.New(nil, repository(t), nil, t.TempDir(), quiet).Guest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := nodes.New(client, nodes.Setup{Namespace: namespace, Deployment: "d1", Image: guest, Edge: fromTheEdge()}, quiet)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return n
}

// As the network is, so is what is said of it: without policies, with those that leave the node itself open, with those
// that come late, and as it has to be.
func TestNodesAreUsedOnlyWhereTheNetworkKeepsInstancesIn(t *testing.T) {
	t.Cleanup(func() { cluster(t, "policies", "all") })
	for _, network := range []struct {
		policies string
		why      []string // of both nodes; none: they are used
	}{
		{"none", []string{"NetworkPolicies are not enforced", ":7117 (pod)"}},
		{"outside", []string{"its own node", ":10250 (node)"}},
		{"late", []string{"of a Pod: policies hold only some time after", metadata}},
		{"all", nil},
	} {
		t.Run(network.policies, func(t *testing.T) {
			client, namespace := namespace(t)
			cluster(t, "policies", network.policies)
			n := canaries(t, client, namespace)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("usable are %v; refused %v", n.Usable(), n.Refused())
				}
			})
			await(t, "both nodes are judged", func() bool {
				refused := n.Refused()
				for _, why := range refused {
					if len(network.why) == 0 || !strings.Contains(why, network.why[0]) {
						return false
					}
				}
				return len(refused)+len(n.Usable()) == 2
			})
			if len(network.why) == 0 {
				if got := n.Usable(); !slices.Equal(got, []string{first, second}) {
					t.Errorf("usable are %v; %v", got, n.Refused())
				}
				return
			}
			for node, why := range n.Refused() {
				t.Logf("%s: %s", node, why)
				for _, part := range network.why {
					if !strings.Contains(why, part) {
						t.Errorf("%s: %q does not hold %q", node, why, part)
					}
				}
			}
			if err := n.Ping(t.Context()); err == nil {
				t.Error("health says nothing of it")
			}
		})
	}
}
