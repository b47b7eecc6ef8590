package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// roomFor is how long a Pod that is made ahead may find no node before it is given up: others may be on their way out.
	roomFor = 5 * time.Second
	askRoom = time.Second            // between two times that room is asked for
	lookPod = 500 * time.Millisecond // between two looks at a Pod that cannot be watched
)

// awaitAll returns Pods once each has its address. full is called now and then for one that has no node to be on.
func (p *Platform) awaitAll(ctx context.Context, pods []corev1.Pod, full func(context.Context)) ([]corev1.Pod, error) {
	all := slices.Clone(pods)
	g, ctx := errgroup.WithContext(ctx)
	for n := range all {
		g.Go(func() (err error) {
			all[n], err = p.await(ctx, all[n], full)
			return err
		})
	}
	return all, g.Wait()
}

// await returns a Pod once it has its address.
func (p *Platform) await(ctx context.Context, pod corev1.Pod, full func(context.Context)) (corev1.Pod, error) {
	for began := time.Now(); ; {
		if there, err := settled(&pod); there || err != nil {
			return pod, err
		}
		why := unplaced(&pod)
		switch {
		case why == "":
		case full != nil:
			full(ctx)
		case time.Since(began) > roomFor:
			return pod, noRoom(why)
		}
		next, err := p.watched(ctx, pod)
		if ctx.Err() != nil && why != "" {
			return pod, noRoom(why)
		}
		if ctx.Err() != nil {
			return pod, fmt.Errorf("pod %s has no address yet: %w", pod.Name, errors.Join(ctx.Err(), err))
		}
		if err != nil {
			if err := loop.Sleep(ctx, lookPod); err != nil {
				return pod, err
			}
		}
		if next == nil {
			if next, err = p.api.CoreV1().Pods(p.options.Namespace).Get(ctx, pod.Name, metav1.GetOptions{}); err != nil {
				return pod, translate(err)
			}
		}
		pod = *next
	}
}

// watched returns a Pod as it is after its next change that matters; nil: the watch ended first.
func (p *Platform) watched(ctx context.Context, pod corev1.Pod) (*corev1.Pod, error) {
	w, err := p.api.CoreV1().Pods(p.options.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", pod.Name).String(),
		ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	look, last := time.NewTicker(askRoom), (*corev1.Pod)(nil)
	defer look.Stop()
	for until := time.Now().Add(roomFor); ; {
		select {
		case event, ok := <-w.ResultChan():
			next, isPod := event.Object.(*corev1.Pod)
			if !ok || !isPod {
				return nil, nil
			}
			if there, err := settled(next); there || err != nil {
				return next, nil
			}
			last = next
		case <-look.C:
			if last != nil && unplaced(last) != "" {
				return last, nil
			}
			if time.Now().After(until) || unplaced(&pod) != "" {
				return nil, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// unplaced is why there is no node for a Pod now; empty: there is, or it is not known yet.
func unplaced(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s: %s", pod.Name, c.Message)
		}
	}
	return ""
}

func noRoom(why string) error {
	return whaley.Errorf(
		whaley.Unavailable, whaley.CodeHostFull, "All machines of the cluster are full. Try again later.",
	).Because(errors.New(why))
}

// settled says whether a Pod has its address, or why it will not get one.
func settled(pod *corev1.Pod) (bool, error) {
	if gone(pod, "") {
		return false, fmt.Errorf("pod %s has ended: %s %s", pod.Name, pod.Status.Reason, pod.Status.Message)
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Terminated != nil {
			return false, fmt.Errorf("container %s of pod %s has ended with %d: %s", s.Name, pod.Name, s.State.Terminated.ExitCode, s.State.Terminated.Message)
		}
		if w := s.State.Waiting; w != nil && slices.Contains(hopeless, w.Reason) {
			return false, whaley.Errorf(
				whaley.Unavailable, whaley.CodeObjectMissing,
				"A machine of the cluster cannot run the challenge's image. Try again; if it keeps happening, tell an organiser.",
			).Because(fmt.Errorf("container %s of pod %s: %s: %s", s.Name, pod.Name, w.Reason, w.Message))
		}
	}
	return pod.Status.PodIP != "", nil
}

// hopeless are the reasons for which a container waits in vain.
var hopeless = []string{
	"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
	"CreateContainerError", "RunContainerError",
}
