package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"net"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/nodes"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
	"github.com/whaley-ctf/whaley/sidecar/internal/standin"
)

// clusterTime bounds what is asked of the cluster and the registry before anything is served.
const clusterTime = 30 * time.Second

// cluster is what instances run on with PLATFORM=kubernetes. The engine beside the sidecar only builds.
type cluster struct {
	*kubernetes.Platform
	nodes *nodes.Nodes
	pulls *images.Pulls
	ports *port.Lanes
	lanes *lanes
}

// reaching is the cluster's API, as KUBECONFIG or the Pod of this process say.
func reaching(c *config.Config) (api client.Interface, where string, err error) {
	how, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, "", fmt.Errorf("KUBECONFIG: %w", err)
	}
	// The API server has its own fairness; a client of one's own would only make starts wait here.
	how.QPS, how.Burst = -1, -1
	api, err = client.NewForConfig(how)
	if err != nil {
		return nil, "", fmt.Errorf("KUBECONFIG: %w", err)
	}
	return api, how.Host, nil
}

// Cluster is what the doctor looks at with PLATFORM=kubernetes.
type Cluster struct {
	API      client.Interface
	Where    string // URL of the API server
	Registry *images.Registry
}

// NewCluster reaches nothing yet.
func NewCluster(c *config.Config) (*Cluster, error) {
	api, where, err := reaching(c)
	if err != nil {
		return nil, err
	}
	at, err := clusterRegistry(c, func() string { return string(c.RegistryLogins) }, nil)
	if err != nil {
		return nil, err
	}
	if _, err := kubernetes.Peers(c.KubernetesEdge); err != nil {
		return nil, fmt.Errorf("KUBERNETES_EDGE: %w", err)
	}
	return &Cluster{API: api, Where: where, Registry: at}, nil
}

func clusterRegistry(c *config.Config, logins func() string, guest []byte) (*images.Registry, error) {
	push := c.KubernetesPush
	if push == "" {
		push = c.KubernetesRegistry
	}
	at, err := images.NewRegistry(push, c.KubernetesRegistry, (&registry.Logins{Setting: logins}).NameAndPassword, guest)
	if err != nil {
		return nil, fmt.Errorf("KUBERNETES_REGISTRY: %w", err)
	}
	return at, nil
}

// openCluster makes the platform on the cluster, and sets the policies that hold before anything is started there.
func (s *server) openCluster(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	c := s.c
	api, where, err := reaching(c)
	if err != nil {
		return err
	}
	edge, err := kubernetes.Peers(c.KubernetesEdge)
	if err != nil {
		return fmt.Errorf("KUBERNETES_EDGE: %w", err)
	}
	of := &cluster{lanes: newLanes(s.log)}
	built, err := s.openImages(ctx, api, where, edge, of)
	if err != nil {
		return err
	}
	if of.ports, err = port.New(s.db, c.PortRangeStart, c.PortRangeEnd); err != nil {
		return err
	}
	of.ports.OnKnown(of.lanes.Know)
	of.ports.ListenedAt(of.lanes.Has)
	secret, err := hkdf.Key(sha256.New, s.keys.Setting, nil, "whaley guests of "+s.deployment, sha256.Size)
	if err != nil {
		return err
	}
	of.Platform = kubernetes.New(kubernetes.Needs{
		API: api, Images: built, Files: docker.Told{Engine: s.engine, Most: kubernetes.MaxFiles}, Nodes: of.nodes, Ports: of.ports,
		Log: s.log,
	}, kubernetes.Options{
		Namespace: c.KubernetesNamespace, Deployment: s.deployment, Secret: secret, Edge: edge, NameServers: c.KubernetesServers,
	})
	if err := of.Guard(ctx); err != nil {
		return err
	}
	s.cluster = of
	return nil
}

// openImages makes what brings images to nodes, and what proves these.
func (s *server) openImages(
	ctx context.Context, api client.Interface, where string, edge []networkingv1.NetworkPolicyPeer, of *cluster,
) (*images.Images, error) {
	c := s.c
	guest, err := standin.Program()
	if err != nil {
		return nil, err
	}
	at, err := clusterRegistry(c, func() string { return string(s.live.Config().RegistryLogins) }, guest)
	if err != nil {
		return nil, err
	}
	alone, err := images.New(s.engine, at, nil, c.DataDir, s.log).Guest(ctx)
	if err != nil {
		return nil, fmt.Errorf("KUBERNETES_REGISTRY: %w", err)
	}
	chosen, err := labels.ConvertSelectorToLabelsMap(c.KubernetesNodes)
	if err != nil {
		return nil, fmt.Errorf("KUBERNETES_NODES: %w", err)
	}
	of.nodes = nodes.New(api, nodes.Setup{
		Namespace: c.KubernetesNamespace, Deployment: s.deployment, Image: alone, Selector: chosen, Edge: edge,
		Own: (&own{fixed: s.whose(where), live: s.db.Instances, lookup: net.DefaultResolver.LookupHost}).targets,
	}, s.log)
	of.pulls = images.NewPulls(api, c.KubernetesNamespace, s.deployment, of.nodes, s.log)
	return images.New(s.engine, at, of.pulls, c.DataDir, s.log), nil
}
