package images

import (
	"context"
	"log/slog"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// labelDeployment says whose objects are, as on engines.
const labelDeployment = whaley.LabelDeployment

// Nodes are those of the cluster.
type Nodes interface {
	All() []string    // those that are there
	Usable() []string // those on which instances may be started
}

// Pulls has nodes pull images.
type Pulls struct {
	client     kubernetes.Interface
	namespace  string
	deployment string
	nodes      Nodes
	log        *slog.Logger
	seen       cache.SharedIndexInformer
	changed    loop.Signal
}

// NewPulls makes them; Run has to be running for them to be seen.
func NewPulls(client kubernetes.Interface, namespace, deployment string, nodes Nodes, log *slog.Logger) *Pulls {
	p := &Pulls{client: client, namespace: namespace, deployment: deployment, nodes: nodes, log: log, changed: loop.NewSignal()}
	only := func(o *meta.ListOptions) {
		o.LabelSelector = labelDeployment + "=" + deployment + "," + labelRole + "=" + rolePull
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(only))
	p.seen = factory.Core().V1().Pods().Informer()
	return p
}

// watch begins to follow the Pods, and waits until those that are there are known.
func (p *Pulls) watch(ctx context.Context) {
	_, _ = p.seen.AddEventHandler(cache.ResourceEventHandlerFuncs{ // which only fails once it has stopped
		AddFunc: func(any) { p.changed.Send() }, UpdateFunc: func(any, any) { p.changed.Send() },
		DeleteFunc: func(any) { p.changed.Send() },
	})
	go p.seen.RunWithContext(ctx)
	for !p.seen.HasSynced() && loop.Sleep(ctx, 10*time.Millisecond) == nil {
	}
}

// pods are those that pull or have pulled, but for what is about to go.
func (p *Pulls) pods() (all []*core.Pod) {
	for _, o := range p.seen.GetStore().List() {
		if pod, ok := o.(*core.Pod); ok && pod.DeletionTimestamp == nil {
			all = append(all, pod)
		}
	}
	return all
}
