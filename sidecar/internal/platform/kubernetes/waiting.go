package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// CanWait says why instances of a plan cannot be prepared; see instancer.Platform.
func (p *Platform) CanWait(plan instancer.Plan) error {
	ch := plan.Challenge
	switch {
	case slices.ContainsFunc(ch.Routes, func(r whaley.Route) bool { return r.Type == whaley.RoutePort }):
		return errors.New("its ports of the host are its owner's")
	case slices.ContainsFunc(ch.Services, func(s whaley.Service) bool { return s.Relay }):
		return errors.New("it has a service of Whaley's own")
	}
	return Refusal(ch)
}

// Prepare makes an instance's Pods, whose guests wait; see instancer.Platform.
func (p *Platform) Prepare(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	s := &start{Platform: p, in: in, plan: plan, steps: steps}
	made, err := s.assemble(ctx)
	if err != nil {
		return err
	}
	if plan.Warm {
		return s.warm(ctx, made)
	}
	for _, m := range made {
		k, err := p.find(ctx, m.ID)
		if err == nil {
			err = p.ask(ctx, m.ID, k, guest.Request{Do: guest.Look})
		}
		if err != nil {
			return err
		}
		k.message = nil // it was nobody's
		p.mu.Lock()
		p.known[m.ID] = k
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prepared[in.ID] = s.pods
	return nil
}

// warm has an instance run ahead of its owner, and then halts what runs: it needs no CPU until its owner comes.
func (s *start) warm(ctx context.Context, made []instancer.Made) error {
	if err := s.steps.Run(ctx, s.in, made); err != nil {
		return err
	}
	for _, m := range made {
		k, err := s.find(ctx, m.ID)
		if err == nil {
			_, err = s.guests(ctx, k.at, k.key, guest.Request{Do: guest.Halt})
		}
		var ended guest.Outcome
		if err != nil && !errors.As(err, &ended) { // one that has done what it had to do is not needed any more
			return fmt.Errorf("halt %s: %w", m.ID, err)
		}
	}
	return nil
}

// Claim makes what was prepared its owner's; see instancer.Platform.
func (p *Platform) Claim(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	pods, err := p.waiting(ctx, in.ID, plan.Warm)
	if err != nil {
		return err
	}
	d, err := p.designed(ctx, in, plan)
	if err != nil {
		return err
	}
	made, err := p.made(d, in, plan, pods)
	if err != nil {
		return fmt.Errorf("claim %s: %w", in.ID, err)
	}
	p.haveWaited(made)
	if plan.Warm {
		made = slices.DeleteFunc(made, func(m instancer.Made) bool {
			return slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
				return slices.ContainsFunc(objectsOf(&pod), func(o instancer.Object) bool { return o.ID == m.ID && o.Ended })
			})
		})
	}
	return steps.Run(ctx, in, made)
}

// haveWaited remembers that services have waited at their gates.
func (p *Platform) haveWaited(made []instancer.Made) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range made {
		k := p.known[m.ID]
		k.waited = true
		p.known[m.ID] = k
	}
}

// waiting are the Pods of an instance that was prepared. What another process prepared is looked for.
func (p *Platform) waiting(ctx context.Context, instance string, warm bool) ([]corev1.Pod, error) {
	p.mu.Lock()
	pods := p.prepared[instance]
	delete(p.prepared, instance)
	p.mu.Unlock()
	if pods != nil {
		return pods, nil
	}
	pods, _, err := p.objects(ctx, instance)
	if err != nil {
		return nil, err
	}
	for n := range pods {
		for _, o := range objectsOf(&pods[n]) {
			if !o.Waiting && !warm {
				return nil, fmt.Errorf("claim %s: its service %s does not wait", instance, o.Labels.Service)
			}
		}
	}
	return pods, nil
}

// Sleep ends an instance's programs, whose files stay in their Pods; see instancer.Platform.
func (p *Platform) Sleep(ctx context.Context, in *whaley.Instance) error {
	pods, _, err := p.objects(ctx, in.ID)
	if err != nil {
		return fmt.Errorf("put %s to sleep: %w", in.ID, err)
	}
	return p.stopAll(ctx, in, pods)
}

// Wake has those run that ran when an instance fell asleep; see instancer.Platform.
func (p *Platform) Wake(
	ctx context.Context, in *whaley.Instance, run func(ctx context.Context, made []instancer.Made) error,
) error {
	objects, err := p.List(ctx, in.ID)
	if err != nil {
		return fmt.Errorf("wake %s: %w", in.ID, err)
	}
	var made []instancer.Made
	for _, name := range in.Sleep.Services {
		n := slices.IndexFunc(
			objects, func(o instancer.Object) bool { return o.Kind == "container" && o.Labels.Service == name },
		)
		if n < 0 {
			return fmt.Errorf("wake %s: the pod of its service %s is gone", in.ID, name)
		}
		made = append(made, instancer.Made{
			Service: whaley.Service{Name: name}, ID: objects[n].ID, Address: in.Addresses[name],
		})
	}
	return run(ctx, made)
}
