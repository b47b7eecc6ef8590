package nodes

import (
	"context"
	"fmt"
	"sync"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

// Look asks the canaries that there are in a namespace once, and returns why each node must not be used; empty: it may be.
func Look(ctx context.Context, client kubernetes.Interface, namespace string) (map[string]string, error) {
	all, err := client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{LabelSelector: labelRole + "=" + roleNode})
	if err != nil {
		return nil, fmt.Errorf("list the canaries in %s: %w", namespace, err)
	}
	var (
		asked sync.WaitGroup
		mu    sync.Mutex
	)
	said := map[string]string{}
	for n := range all.Items {
		pod := &all.Items[n]
		if pod.Spec.NodeName == "" {
			continue
		}
		asked.Go(func() {
			why := look(ctx, pod, all.Items)
			mu.Lock()
			defer mu.Unlock()
			said[pod.Spec.NodeName] = why
		})
	}
	asked.Wait()
	return said, nil
}

func look(ctx context.Context, pod *core.Pod, all []core.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil {
			return fmt.Sprintf("its canary does not run: %s %s", w.Reason, w.Message)
		}
	}
	if pod.Status.Phase != core.PodRunning || pod.Status.PodIP == "" {
		return fmt.Sprintf("its canary does not run: it is %s", pod.Status.Phase)
	}
	var q canary.Question
	for n := range all {
		if other := &all[n]; other.UID != pod.UID && other.Status.PodIP != "" {
			q.Targets = append(q.Targets, canary.Target{Kind: canary.Pod, Address: at(other)})
		}
	}
	report, err := canary.Ask(ctx, at(pod), q)
	if err != nil {
		return fmt.Sprintf("its canary does not answer (%v): KUBERNETES_EDGE has to let this sidecar in", err)
	}
	return judge(report)
}
