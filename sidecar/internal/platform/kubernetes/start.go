package kubernetes

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// start is one instance that is being made.
type start struct {
	*Platform
	in     *whaley.Instance
	plan   instancer.Plan
	steps  instancer.Steps
	design *design
	pods   []corev1.Pod
}

// Start makes an instance's Pods and has them run; see instancer.Platform.
func (p *Platform) Start(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	s := &start{Platform: p, in: in, plan: plan, steps: steps}
	made, err := s.assemble(ctx)
	if err != nil {
		return err
	}
	return steps.Run(ctx, s.in, made)
}

// assemble makes what there is not yet of an instance, and returns its services at their gates.
func (s *start) assemble(ctx context.Context) ([]instancer.Made, error) {
	if err := Refusal(s.plan.Challenge); err != nil {
		return nil, err
	}
	pods, err := s.takeUp(ctx)
	if err != nil {
		return nil, err
	}
	// Where its Pods are is known only once they are there; that they may be is known before.
	place := instancer.Location{Addresses: map[string]netip.Addr{}}
	if place.Ports, err = s.reserve(ctx); err != nil {
		return nil, err
	}
	if err := s.placed(ctx, place); err != nil {
		return nil, err
	}
	if s.design, err = s.designed(ctx, s.in, s.plan); err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		if s.design.nodes, err = s.nodesFor(ctx, s.design.images); err != nil {
			return nil, err
		}
		if pods, err = s.make(ctx); err != nil {
			return nil, err
		}
	}
	s.pods, place.Addresses = pods, addressesOf(s.plan.Challenge, pods)
	if err := s.placed(ctx, place); err != nil {
		return nil, err
	}
	return s.made(s.design, s.in, s.plan, pods)
}

func (s *start) placed(ctx context.Context, at instancer.Location) error {
	in, err := s.steps.Placed(ctx, at)
	if err == nil {
		s.in = in
	}
	return err
}

// takeUp returns what an earlier life made of an instance, if it is all there and of use, and removes it if not.
func (s *start) takeUp(ctx context.Context) ([]corev1.Pod, error) {
	pods, policies, err := s.objects(ctx, s.in.ID)
	if err != nil {
		return nil, err
	}
	if s.in.State == whaley.Starting && s.in.Revision == s.plan.Challenge.Revision && s.whole(pods) {
		s.log.InfoContext(ctx, "going on with a half-made instance", "instance", s.in.ID, "pods", len(pods))
		return s.awaitAll(ctx, pods, s.steps.Full)
	}
	return nil, s.clear(ctx, s.in, pods, policies)
}

// whole says whether Pods are all of an instance's, and none has ended or may be of another image.
func (s *start) whole(pods []corev1.Pod) bool {
	if len(pods) != len(groups(s.plan.Challenge)) {
		return false
	}
	for n := range pods {
		for _, o := range objectsOf(&pods[n]) {
			if o.Ended || o.Waiting && s.plan.Anew || o.Labels.Revision != s.plan.Challenge.Revision {
				return false
			}
		}
	}
	return true
}

// designed is what an instance's Pods are made of now.
func (p *Platform) designed(ctx context.Context, in *whaley.Instance, plan instancer.Plan) (*design, error) {
	services, err := plan.Services(in)
	if err != nil {
		return nil, err
	}
	d := &design{
		deployment: p.options.Deployment, namespace: p.options.Namespace, secret: p.options.Secret,
		nameServers: p.options.NameServers, challenge: plan.Challenge, labels: plan.Labels, services: services,
		images: make(map[string]Image, len(services)),
	}
	for _, s := range services {
		if s.Relay {
			continue
		}
		if d.images[s.Name], err = p.images.Pushed(ctx, s.Image); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// nodesFor are the nodes that have all images and were proved; nil: all, where nobody proves any.
func (p *Platform) nodesFor(ctx context.Context, images map[string]Image) ([]string, error) {
	if p.nodes == nil {
		return nil, nil
	}
	if err := p.nodes.Ready(ctx); err != nil {
		return nil, noNode(err)
	}
	usable := slices.DeleteFunc(slices.Clone(p.nodes.Usable()), func(node string) bool {
		for _, image := range images {
			if !slices.Contains(image.Nodes, node) {
				return true
			}
		}
		return false
	})
	if len(usable) == 0 {
		return nil, noNode(errors.New("no node that may be used has all images of the challenge yet"))
	}
	return usable, nil
}

func noNode(err error) error {
	return whaley.Errorf(
		whaley.Unavailable, "no_node", "There is no machine of the cluster that instances may run on. Tell an organiser.",
	).Because(err)
}

// make makes the policies and then the Pods, and returns these with their addresses.
func (s *start) make(ctx context.Context) (pods []corev1.Pod, err error) {
	// A call that was begun is waited for even if the start is given up: what it makes must be there when whoever gave it
	// up looks for what to remove.
	making := context.WithoutCancel(ctx)
	ctx, end := s.steps.Step(ctx, "pods")
	defer func() { end(err) }()
	for _, one := range between(s.options.Deployment, s.options.Namespace, s.plan.Challenge, s.plan.Labels) {
		if err := s.put(making, one); err != nil {
			return nil, fmt.Errorf("network policy of %s: %w", s.in.ID, err)
		}
	}
	all := groups(s.plan.Challenge)
	pods = make([]corev1.Pod, len(all))
	var g errgroup.Group
	for n, one := range all {
		g.Go(func() error {
			pod, err := s.design.pod(one, s.name(one))
			if err != nil {
				return err
			}
			made, err := s.create(ctx, making, pod)
			if err != nil {
				return err
			}
			pods[n] = *made
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return s.awaitAll(ctx, pods, s.steps.Full)
}

// name is that of a new Pod.
func (s *start) name(g group) string {
	service := containerName(g[0], s.plan.Challenge.Services[g[0]].Name)
	return podName(s.in.ID) + "-" + service + "-" + strings.ToLower(rand.Text()[:8])
}

// create makes a Pod, once there is room for it if its start waits for that.
func (s *start) create(ctx, making context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	for {
		made, err := s.api.CoreV1().Pods(s.options.Namespace).Create(making, pod, metav1.CreateOptions{})
		if err == nil {
			return made, nil
		}
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "quota") {
			return nil, fmt.Errorf("make a pod of %s: %w", s.in.ID, err)
		}
		if s.steps.Full == nil {
			return nil, noRoom(err.Error())
		}
		s.steps.Full(ctx)
		if loop.Sleep(ctx, askRoom) != nil {
			return nil, noRoom(err.Error())
		}
	}
}

// addressesOf are those of a challenge's services in its Pods.
func addressesOf(ch *whaley.Challenge, pods []corev1.Pod) map[string]netip.Addr {
	all := map[string]netip.Addr{}
	for n := range pods {
		at, err := netip.ParseAddr(pods[n].Status.PodIP)
		for _, service := range servicesOf(&pods[n]) {
			if err == nil {
				all[service] = at
			}
		}
	}
	for _, s := range ch.Services {
		if s.Offline {
			all[s.Name] = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return all
}

// reserve gives the instance its ports of the edge.
func (s *start) reserve(ctx context.Context) (map[int]int, error) {
	var internal []int
	for _, r := range s.plan.Challenge.Routes {
		if r.Type == whaley.RoutePort && !slices.Contains(internal, r.Port) {
			internal = append(internal, r.Port)
		}
	}
	if len(internal) == 0 {
		return nil, nil
	}
	return s.ports.Reserve(ctx, s.in.ID, s.in.Owner.ID, s.plan.Challenge.ID, internal)
}
