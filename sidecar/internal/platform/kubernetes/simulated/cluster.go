package simulated

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	ktesting "k8s.io/client-go/testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// Cluster is one, with all that its Pods do.
type Cluster struct {
	kept ktesting.ObjectTracker

	mu     sync.Mutex
	room   int // Pods that nodes have room for
	made   int
	guests map[string]*attendant // service → its guest
	calls  map[string]int
	images map[string]instancer.BuildSpec
	lost   map[string]bool // nodes that are no more
}

// New makes one without Pods, which has room for some.
func New(room int) *Cluster {
	watch.DefaultChanSize = 1 << 13 // of its watches, which are not read while something else is under way
	return &Cluster{
		kept: ktesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder()), room: room,
		guests: map[string]*attendant{}, calls: map[string]int{}, images: map[string]instancer.BuildSpec{}, lost: map[string]bool{},
	}
}

// Client is the API as one process has it. before is asked for each call, as "create pods", and may refuse it; nil: none.
func (c *Cluster) Client(before func(call string) error) client.Interface {
	api := &fake.Clientset{}
	api.AddReactor("*", "*", func(a ktesting.Action) (bool, runtime.Object, error) {
		call := a.GetVerb() + " " + a.GetResource().Resource
		c.mu.Lock()
		c.calls[call]++
		c.mu.Unlock()
		if before != nil {
			if err := before(call); err != nil {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	api.AddReactor("create", "pods", c.create)
	api.AddReactor("delete", "pods", c.delete)
	api.AddReactor("*", "*", ktesting.ObjectReaction(c.kept))
	api.AddWatchReactor("*", c.watch)
	return api
}

// SetRoom says how many more Pods nodes have room for.
func (c *Cluster) SetRoom(pods int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room = pods
}

// Calls are how often the API was asked for what since the last time.
func (c *Cluster) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.calls)
	clear(c.calls)
	return all
}

// Pods are all that there are, the oldest first.
func (c *Cluster) Pods() []*corev1.Pod {
	list, err := c.kept.List(pods, schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, metav1.NamespaceAll)
	if err != nil {
		return nil
	}
	var all []*corev1.Pod
	for n := range list.(*corev1.PodList).Items {
		all = append(all, &list.(*corev1.PodList).Items[n])
	}
	slices.SortFunc(all, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return all
}

func (c *Cluster) create(a ktesting.Action) (bool, runtime.Object, error) {
	pod := a.(ktesting.CreateAction).GetObject().(*corev1.Pod).DeepCopy()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	pod.CreationTimestamp = metav1.NewTime(time.Now())
	c.place(pod)
	if err := c.kept.Create(pods, pod, pod.Namespace); err != nil {
		return true, nil, err
	}
	return true, pod, nil
}

// place has a Pod run, if there is room.
func (c *Cluster) place(pod *corev1.Pod) {
	if c.room <= 0 {
		pod.Status.Phase = corev1.PodPending
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/2 nodes are available",
		}}
		return
	}
	c.room--
	at := netip.AddrFrom4([4]byte{10, 244, byte(c.made >> 8), byte(c.made)})
	if pod.Spec.NodeName = fmt.Sprintf("n%d", 1+c.made%2); c.lost[pod.Spec.NodeName] {
		pod.Spec.NodeName = fmt.Sprintf("n%d", 2-c.made%2)
	}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: at.String(), Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue},
		},
	}
	for _, one := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: one.Name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
		order, err := guest.OrderOf([]string{guest.Variable + "=" + one.Env[0].Value})
		if err == nil {
			c.guests[pod.Name+"/"+one.Name] = &attendant{
				at: netip.AddrPortFrom(at, uint16(order.Port)), hash: order.Hash, state: guest.Waiting, over: make(chan struct{}),
			}
		}
	}
}

func (c *Cluster) delete(a ktesting.Action) (bool, runtime.Object, error) {
	act := a.(ktesting.DeleteAction)
	found, err := c.kept.Get(pods, act.GetNamespace(), act.GetName())
	if err != nil {
		return true, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	pod := found.(*corev1.Pod)
	c.end(pod)
	if err := c.kept.Delete(pods, pod.Namespace, pod.Name); err != nil {
		return true, nil, err
	}
	for _, waits := range c.Pods() {
		if c.room > 0 && waits.Status.Phase == corev1.PodPending {
			c.place(waits)
			_ = c.kept.Update(pods, waits, waits.Namespace)
		}
	}
	return true, nil, nil
}

// end has all that runs in a Pod be no more.
func (c *Cluster) end(pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodRunning {
		c.room++
	}
	for _, one := range pod.Spec.Containers {
		id := pod.Name + "/" + one.Name
		if g := c.guests[id]; g != nil {
			g.end(137)
			delete(c.guests, id)
		}
	}
}

// LoseNode has one of the nodes n1 and n2 be no more, as who looks after nodes tells it of its Pods: they are to go, and
// nobody there hears that.
func (c *Cluster) LoseNode(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[name] = true
	now := metav1.NewTime(time.Now())
	for _, pod := range c.Pods() {
		if pod.Spec.NodeName != name || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		c.end(pod)
		c.room--
		pod.DeletionTimestamp = &now
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
		_ = c.kept.Update(pods, pod, pod.Namespace)
	}
}

// watch passes on what was asked for.
func (c *Cluster) watch(a ktesting.Action) (bool, watch.Interface, error) {
	asked := a.(ktesting.WatchActionImpl)
	all, err := c.kept.Watch(asked.GetResource(), asked.GetNamespace(), asked.ListOptions)
	if err != nil {
		return true, nil, apierrors.NewInternalError(err)
	}
	only := asked.GetWatchRestrictions()
	return true, watch.Filter(all, func(e watch.Event) (watch.Event, bool) {
		of, ok := e.Object.(metav1.ObjectMetaAccessor)
		if !ok {
			return e, true
		}
		meta := of.GetObjectMeta()
		name, exact := only.Fields.RequiresExactMatch("metadata.name")
		return e, (!exact || name == meta.GetName()) && only.Labels.Matches(labelSet(meta.GetLabels()))
	}), nil
}
