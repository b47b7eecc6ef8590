package kubernetes

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// List returns the services and policies of one instance or (empty) of all; see instancer.Platform.
func (p *Platform) List(ctx context.Context, instance string) (all []instancer.Object, err error) {
	pods, policies, err := p.objects(ctx, instance)
	if err != nil {
		return nil, err
	}
	if instance != "" {
		p.asTheyAre(ctx, pods)
	}
	for n := range pods {
		all = append(all, objectsOf(&pods[n])...)
	}
	for _, one := range policies {
		all = append(all, instancer.Object{
			Kind: "network", ID: one.Name, Name: one.Name, Labels: parse(one.Labels, one.Annotations),
		})
	}
	return all, nil
}

// objects are the Pods and policies of one instance or (empty) of all.
func (p *Platform) objects(
	ctx context.Context, instance string,
) (pods []corev1.Pod, policies []networkingv1.NetworkPolicy, err error) {
	g, ctx := errgroup.WithContext(ctx)
	options := metav1.ListOptions{LabelSelector: selector(p.options.Deployment, instance)}
	g.Go(func() error {
		all, err := p.api.CoreV1().Pods(p.options.Namespace).List(ctx, options)
		if err == nil {
			pods = all.Items
		}
		return err
	})
	g.Go(func() error {
		all, err := p.api.NetworkingV1().NetworkPolicies(p.options.Namespace).List(ctx, options)
		if err == nil {
			policies = all.Items
		}
		return err
	})
	return pods, policies, g.Wait()
}

// objectsOf are the services of a Pod.
func objectsOf(pod *corev1.Pod) (all []instancer.Object) {
	services := servicesOf(pod)
	for n, c := range pod.Spec.Containers {
		labels := parse(pod.Labels, pod.Annotations)
		if n < len(services) {
			labels.Service = services[n]
		}
		o := instancer.Object{Kind: "container", ID: serviceID(pod.Name, c.Name), Name: pod.Name, Labels: labels}
		switch {
		case gone(pod, c.Name):
			o.Ended, o.Lost = true, stateOf(pod, c.Name) == guest.Running
		case stateOf(pod, c.Name) == guest.Waiting:
			o.Waiting = true
		default:
			o.Running, o.Ended = stateOf(pod, c.Name) == guest.Running, stateOf(pod, c.Name) == guest.Ended
		}
		all = append(all, o)
	}
	return all
}

// gone says whether a container of a Pod is no more, its guest with it: it ended, it is being removed, or its node does
// not answer.
func gone(pod *corev1.Pod, container string) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return true
	}
	ready := true
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == container && s.State.Terminated != nil {
			return true
		}
		ready = ready && s.Ready
	}
	// What runs is ready, as there is nothing that says otherwise, but for who looks after nodes.
	lost := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse
	})
	return pod.Status.Phase == corev1.PodRunning && ready && lost
}
