package clustertest_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/standin"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// What scripts/kubernetes-cluster makes.
const (
	registry = "http://10.77.0.10:5000/whaley"
	edge     = "10.77.0.10/32"
	metadata = "169.254.169.254:80"
	first    = "whaley-k8s-1"
	second   = "whaley-k8s-2"
)

var quiet = slog.New(slog.DiscardHandler)

// namespace is a new one of a test, as deploy/kubernetes makes that of instances.
func namespace(t *testing.T) (client kubernetes.Interface, name string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", testkit.Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = -1, -1
	client, err = kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	name = "test-" + strings.ToLower(rand.Text()[:8])
	_, err = client.CoreV1().Namespaces().Create(t.Context(), &core.Namespace{ObjectMeta: meta.ObjectMeta{
		Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "baseline"},
	}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := client.CoreV1().Namespaces().Delete(ctx, name, meta.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return client, name
}

func guestProgram(t *testing.T) []byte {
	t.Helper()
	program, err := standin.Program()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func repository(t *testing.T) *images.Registry {
	t.Helper()
	r, err := images.NewRegistry(registry, "", nil, guestProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fromTheEdge() []networking.NetworkPolicyPeer {
	return []networking.NetworkPolicyPeer{{IPBlock: &networking.IPBlock{CIDR: edge}}}
}

// cluster runs scripts/kubernetes-cluster.
func cluster(t *testing.T, arguments ...string) {
	t.Helper()
	said, err := exec.Command("../../../../../scripts/kubernetes-cluster", arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/kubernetes-cluster %s: %v\n%s", strings.Join(arguments, " "), err, said)
	}
}

// await looks again and again until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
