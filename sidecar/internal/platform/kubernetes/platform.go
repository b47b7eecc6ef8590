package kubernetes

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Needs are what a platform is made of.
type Needs struct {
	API    client.Interface
	Images Images
	Files  Files
	Nodes  Nodes            // nil: every node is of use
	Ports  containers.Ports // of the edge, for routes of type port
	Guests Ask              // nil: guest.Ask
	Log    *slog.Logger
}

// Ask asks a guest, as guest.Ask does.
type Ask func(ctx context.Context, at netip.AddrPort, k guest.Key, r guest.Request) (guest.Reply, error)

// Options are what it is told.
type Options struct {
	Namespace   string
	Deployment  string
	Secret      []byte                           // of the guests' keys
	Edge        []networkingv1.NetworkPolicyPeer // who may reach instances
	NameServers []string                         // of Pods with egress; none: those of their nodes
}

// Platform implements instancer.Platform on a cluster.
type Platform struct {
	instancer.Images
	images  Images
	files   Files
	nodes   Nodes
	ports   containers.Ports
	api     client.Interface
	guests  Ask
	options Options
	log     *slog.Logger

	mu       sync.Mutex
	known    map[string]known        // service → where it is, and what it is told when it is started
	prepared map[string][]corev1.Pod // instance that waits and was prepared by this process → its Pods
	notes    map[string]*noting      // service → what is being written down of it
	attends  *attendants             // nil: nobody wants to know of ends
}

var _ instancer.Platform = (*Platform)(nil)

// New makes a platform, which does nothing before it is asked.
func New(needs Needs, options Options) *Platform {
	ask := needs.Guests
	if ask == nil {
		ask = guest.Ask
	}
	return &Platform{
		Images: needs.Images, images: needs.Images, files: needs.Files, nodes: needs.Nodes, ports: needs.Ports,
		api: needs.API, options: options, log: needs.Log, known: map[string]known{},
		prepared: map[string][]corev1.Pod{}, notes: map[string]*noting{}, guests: ask,
	}
}

// Guard sets the policies that hold for all instances of this deployment. Nothing may be started before.
func (p *Platform) Guard(ctx context.Context) error {
	for _, one := range standing(p.options.Deployment, p.options.Namespace, p.options.Edge) {
		if err := p.put(ctx, one); err != nil {
			return fmt.Errorf("set the network policy %s in %s: %w", one.Name, p.options.Namespace, err)
		}
	}
	return nil
}

// put makes a network policy be as it is said.
func (p *Platform) put(ctx context.Context, one *networkingv1.NetworkPolicy) error {
	policies := p.api.NetworkingV1().NetworkPolicies(p.options.Namespace)
	_, err := policies.Create(ctx, one, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	there, err := policies.Get(ctx, one.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	one = one.DeepCopy()
	one.ResourceVersion = there.ResourceVersion
	_, err = policies.Update(ctx, one, metav1.UpdateOptions{})
	return err
}

// translate says what the rules know of an error of the cluster's.
func translate(err error) error {
	if apierrors.IsNotFound(err) {
		return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing,
			"Something the challenge needs is missing. Try again; if it keeps happening, tell an organiser.").Because(err)
	}
	return err
}

// Disk is empty: what instances have on nodes' disks is bounded by the nodes, which end those that take too much.
func (p *Platform) Disk(context.Context, int64) (whaley.Disk, error) { return whaley.Disk{}, nil }
