package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// removalSlots is how many orphans are removed at the same time.
	removalSlots = 16
	defaultGrace = 2 * time.Second
	// goneWithin is how long a node may take to end a Pod whose guest could not be asked to end its program.
	goneWithin = 15 * time.Second
)

// Remove removes an instance's objects and gives back its ports; see instancer.Platform.
func (p *Platform) Remove(ctx context.Context, in *whaley.Instance) error {
	p.mu.Lock()
	delete(p.prepared, in.ID)
	p.mu.Unlock()
	pods, policies, err := p.objects(ctx, in.ID)
	if err != nil {
		return err
	}
	if err := p.clear(ctx, in, pods, policies); err != nil {
		return err
	}
	return p.ports.Release(ctx, in.ID)
}

// clear removes an instance's Pods, and then what kept them from others.
func (p *Platform) clear(
	ctx context.Context, in *whaley.Instance, pods []corev1.Pod, policies []networkingv1.NetworkPolicy,
) error {
	g, gctx := errgroup.WithContext(ctx)
	for n := range pods {
		g.Go(func() error { return p.removePod(gctx, in, &pods[n]) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("remove the pods of %s: %w", in.ID, err)
	}
	for _, one := range policies {
		err := p.api.NetworkingV1().NetworkPolicies(p.options.Namespace).Delete(ctx, one.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove the network policy %s: %w", one.Name, err)
		}
	}
	return nil
}

// removePod ends what runs in a Pod, which takes its guest a moment, and then the Pod. A node that does not do it in time
// is no more: what is there is removed when it is back.
func (p *Platform) removePod(ctx context.Context, in *whaley.Instance, pod *corev1.Pod) error {
	for _, c := range pod.Spec.Containers {
		id := serviceID(pod.Name, c.Name)
		p.unattend(id)
		defer p.forget(id)
	}
	if p.stopPod(ctx, in, pod) == nil {
		return p.deletePod(ctx, pod, 0)
	}
	if err := p.deletePod(ctx, pod, 1); err != nil {
		return err
	}
	for end := time.Now().Add(goneWithin); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(lookPod) {
		now, err := p.api.CoreV1().Pods(p.options.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil && gone(pod, "") && lostNode(now) {
			break
		}
	}
	return p.deletePod(ctx, pod, 0)
}

// lostNode says whether the node of a Pod is known not to answer.
func lostNode(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue ||
			c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse && pod.Status.Phase == corev1.PodRunning
	})
}

func (p *Platform) deletePod(ctx context.Context, pod *corev1.Pod, seconds int64) error {
	err := p.api.CoreV1().Pods(p.options.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &seconds})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// stopPod has the guests of a Pod end their programs.
func (p *Platform) stopPod(ctx context.Context, in *whaley.Instance, pod *corev1.Pod) error {
	if pod.Status.PodIP == "" || gone(pod, "") {
		return nil // nothing runs there, or nobody can be asked
	}
	g, ctx := errgroup.WithContext(ctx)
	for n, c := range pod.Spec.Containers {
		if gone(pod, c.Name) {
			continue
		}
		waits := stateOf(pod, c.Name) == guest.Waiting // as far as that was written down
		grace := cmp.Or(in.Terms.Grace[servicesOf(pod)[n]], defaultGrace)
		g.Go(func() error {
			k, err := p.knownIn(pod, c.Name)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, grace+dialTime)
			defer cancel()
			_, err = p.guests(ctx, k.at, k.key, guest.Request{Do: guest.Stop, Grace: grace})
			if waits {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// stopAll ends the programs of an instance, and writes that down.
func (p *Platform) stopAll(ctx context.Context, in *whaley.Instance, pods []corev1.Pod) error {
	g, ctx := errgroup.WithContext(ctx)
	for n := range pods {
		pod := &pods[n]
		for m, c := range pod.Spec.Containers {
			if !gone(pod, c.Name) && stateOf(pod, c.Name) == guest.Running {
				g.Go(func() error {
					grace := cmp.Or(in.Terms.Grace[servicesOf(pod)[m]], defaultGrace)
					return p.StopService(ctx, serviceID(pod.Name, c.Name), grace)
				})
			}
		}
	}
	return g.Wait()
}

// Reserved are the instances that have a port of the edge, or an address; see instancer.Platform.
func (p *Platform) Reserved(ctx context.Context) ([]string, error) {
	all, err := p.ports.Holders(ctx)
	if err != nil {
		return nil, err
	}
	pods, _, err := p.objects(ctx, "")
	if err != nil {
		return nil, err
	}
	for n := range pods {
		all = append(all, pods[n].Labels[labelInstance])
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Tidy removes what no row asks for; see instancer.Platform.
func (p *Platform) Tidy(
	ctx context.Context, orphans []string, _ func(context.Context) ([]*whaley.Instance, error),
) error {
	var g errgroup.Group
	g.SetLimit(removalSlots)
	for _, id := range orphans {
		g.Go(func() error {
			if err := p.Remove(ctx, &whaley.Instance{ID: id}); err != nil && !errors.Is(err, context.Canceled) {
				p.log.Error("leftover not removed", "instance", id, "err", err)
			}
			return nil
		})
	}
	return g.Wait()
}
