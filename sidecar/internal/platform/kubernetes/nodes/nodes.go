package nodes

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	labelDeployment = whaley.LabelDeployment
	labelRole       = whaley.LabelRole
	roleNode        = "node"

	lookAgain = 15 * time.Second // between two questions to a canary
	lookSoon  = time.Second      // to one of which nothing is proved yet
	provedFor = time.Minute      // how long an answer counts
)

// Setup is what canaries are made of.
type Setup struct {
	Namespace  string
	Deployment string                         // whose the cluster's objects are
	Image      string                         // with the guest in it
	Selector   map[string]string              // labels of nodes that may be used; none: all
	Edge       []networking.NetworkPolicyPeer // who may ask canaries
	// Own are further addresses that no instance may reach: Whaley's, and those of instances.
	Own func(ctx context.Context) []canary.Target
}

// Nodes knows what canaries found.
type Nodes struct {
	Setup
	client  kubernetes.Interface
	log     *slog.Logger
	seen    cache.SharedIndexInformer
	changed loop.Signal
	ask     func(ctx context.Context, address string, q canary.Question) (canary.Report, error)

	mu     sync.Mutex
	proofs map[types.UID]proof // by canary
}

type proof struct {
	at  time.Time
	why string // it must not be used; empty: it may be
}

// New makes it; Run has to be running for anything to be known.
func New(client kubernetes.Interface, setup Setup, log *slog.Logger) *Nodes {
	n := &Nodes{
		Setup: setup, client: client, log: log, changed: loop.NewSignal(), ask: canary.Ask, proofs: map[types.UID]proof{},
	}
	only := func(o *meta.ListOptions) { o.LabelSelector = meta.FormatLabelSelector(n.selector()) }
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(setup.Namespace), informers.WithTweakListOptions(only))
	n.seen = factory.Core().V1().Pods().Informer()
	return n
}

func (n *Nodes) labels() map[string]string {
	return map[string]string{labelDeployment: n.Deployment, labelRole: roleNode}
}

func (n *Nodes) selector() *meta.LabelSelector { return &meta.LabelSelector{MatchLabels: n.labels()} }

// canaries are the Pods that are on nodes.
func (n *Nodes) canaries() (all []*core.Pod) {
	for _, o := range n.seen.GetStore().List() {
		if pod, ok := o.(*core.Pod); ok && pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil {
			all = append(all, pod)
		}
	}
	slices.SortFunc(all, func(a, b *core.Pod) int { return strings.Compare(a.Spec.NodeName, b.Spec.NodeName) })
	return all
}

// All are the nodes that are there, by name.
func (n *Nodes) All() (names []string) {
	for _, pod := range n.canaries() {
		names = append(names, pod.Spec.NodeName)
	}
	return slices.Compact(names)
}

// Usable are those on which instances may be started.
func (n *Nodes) Usable() (names []string) {
	for _, pod := range n.canaries() {
		if n.why(pod) == "" {
			names = append(names, pod.Spec.NodeName)
		}
	}
	return slices.Compact(names)
}

// Refused says of the others why not.
func (n *Nodes) Refused() map[string]string {
	all := map[string]string{}
	for _, pod := range n.canaries() {
		if why := n.why(pod); why != "" {
			all[pod.Spec.NodeName] = why
		}
	}
	return all
}

// why a node must not be used; empty: it may be.
func (n *Nodes) why(pod *core.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == core.PodReady && c.Status != core.ConditionTrue {
			return waits(pod, c)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch p := n.proofs[pod.UID]; {
	case p.at.IsZero():
		return "its canary was not asked yet"
	case time.Since(p.at) > provedFor:
		return "its canary has not answered for " + time.Since(p.at).Round(time.Second).String() +
			"; does the network let Whaley reach Pods on that node?"
	default:
		return p.why
	}
}

// waits is why a canary does not run.
func waits(pod *core.Pod, ready core.PodCondition) string {
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			return strings.TrimSpace("its canary waits: " + w.Reason + " " + w.Message)
		}
	}
	return strings.TrimSpace("its canary is not ready, so it may be dead: " + ready.Reason + " " + ready.Message)
}

// Ready says why there is no node on which instances may be started; nil: there is one.
func (n *Nodes) Ready(context.Context) error {
	if len(n.Usable()) > 0 {
		return nil
	}
	why := "the DaemonSet " + daemonSet + " has no Pod yet"
	if refused := n.Refused(); len(refused) > 0 {
		why = describe(refused)
	}
	return whaley.Errorf(whaley.Unavailable, "no_node", "No node may be used for instances. Tell an organiser: the log says why.").Because(
		fmt.Errorf("no node may be used: %s", why))
}

// Ping is what health says of nodes: which must not be used, and why.
func (n *Nodes) Ping(ctx context.Context) error {
	if err := n.Ready(ctx); err != nil {
		return err
	}
	if refused := n.Refused(); len(refused) > 0 {
		return fmt.Errorf("not used: %s", describe(refused))
	}
	return nil
}

func describe(refused map[string]string) string {
	var all []string
	for node, why := range refused {
		all = append(all, node+": "+why)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
