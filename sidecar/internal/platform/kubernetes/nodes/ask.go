package nodes

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

// Run makes the canaries and asks them, until ctx ends.
func (n *Nodes) Run(ctx context.Context) error {
	_, _ = n.seen.AddEventHandler(cache.ResourceEventHandlerFuncs{ // which only fails once it has stopped
		AddFunc: func(any) { n.changed.Send() }, UpdateFunc: func(any, any) { n.changed.Send() },
	})
	go n.seen.RunWithContext(ctx)
	back := loop.Backoff{First: time.Second, Most: time.Minute}
	for err := n.apply(ctx); err != nil && ctx.Err() == nil; err = n.apply(ctx) {
		n.log.Error("cannot make the canaries of nodes", "err", err)
		_ = loop.Sleep(ctx, back.Next())
	}
	for ctx.Err() == nil {
		pause := lookAgain
		if n.askAll(ctx) {
			pause = lookSoon
		}
		_ = n.changed.Wait(ctx, pause)
	}
	return nil
}

// askAll asks every canary whose turn it is, all at once, and says whether there is one of which nothing is proved.
func (n *Nodes) askAll(ctx context.Context) (unproved bool) {
	all := n.canaries()
	var asked sync.WaitGroup
	for _, pod := range all {
		if pod.Status.Phase != core.PodRunning || pod.Status.PodIP == "" {
			continue
		}
		n.mu.Lock()
		known := n.proofs[pod.UID]
		n.mu.Unlock()
		if known.why == "" && time.Since(known.at) < lookAgain {
			continue
		}
		asked.Go(func() { n.prove(ctx, pod, all) })
	}
	asked.Wait()
	n.forget(all)
	return len(n.Refused()) > 0
}

// prove asks the canary of one node for what it reaches. One that does not answer leaves the node as it was, until that is too
// old.
func (n *Nodes) prove(ctx context.Context, pod *core.Pod, all []*core.Pod) {
	var q canary.Question
	for _, other := range all {
		if other.UID != pod.UID && other.Status.PodIP != "" {
			q.Targets = append(q.Targets, canary.Target{Kind: canary.Pod, Address: at(other)})
		}
	}
	if n.Own != nil {
		q.Targets = append(q.Targets, n.Own(ctx)...)
	}
	report, err := n.ask(ctx, at(pod), q)
	if err != nil {
		n.log.Debug("a canary does not answer", "node", pod.Spec.NodeName, "err", err)
		return
	}
	p := proof{time.Now(), judge(report)}
	n.mu.Lock()
	before := n.proofs[pod.UID]
	n.proofs[pod.UID] = p
	n.mu.Unlock()
	switch {
	case before.why == p.why && !before.at.IsZero(), !report.Early:
	case p.why == "":
		n.log.Info("a node may be used", "node", pod.Spec.NodeName)
	default:
		n.log.Error("a node must not be used for instances", "node", pod.Spec.NodeName, "why", p.why)
	}
}

func (n *Nodes) forget(all []*core.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for uid := range n.proofs {
		if !slices.ContainsFunc(all, func(p *core.Pod) bool { return p.UID == uid }) {
			delete(n.proofs, uid)
		}
	}
}

func at(pod *core.Pod) string { return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(canary.Port)) }
