package containers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// CanWait says why instances of a plan cannot be prepared; see instancer.Platform.
func (c *Platform) CanWait(plan instancer.Plan) error {
	ch := plan.Challenge
	if slices.ContainsFunc(ch.Routes, c.hasPort) {
		return errors.New("its ports of the host are its owner's")
	}
	if plan.Warm {
		return nil
	}
	if !c.guest {
		return errors.New("GUEST is off")
	}
	services, err := plan.Services(&whaley.Instance{Challenge: ch.ID, Revision: ch.Revision})
	if err != nil {
		return err
	}
	for _, service := range services {
		err := c.engine.CanWait(&service.Service)
		if err == nil && service.Shares != "" {
			err = errors.New("it has no network of its own")
		}
		if err == nil {
			err = c.ownFiles(ch, service)
		}
		if err != nil {
			return fmt.Errorf("service %s: %w", service.Name, err)
		}
	}
	return nil
}

// ownFiles says which files of a service have to be there, with its owner's flags, before its container is made.
func (c *Platform) ownFiles(ch *whaley.Challenge, service instancer.PlannedService) error {
	svc := &service.Service
	hasFlag := func(m whaley.Mount) bool { return len(m.Flags) > 0 }
	switch {
	case slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool { return m.Written }):
		return errors.New("its configs or secrets are texts that are filled in for its owner")
	case !ch.Flag.Dynamic:
		return nil
	case slices.ContainsFunc(svc.Mounts, hasFlag) || len(ch.OwnMounts(svc)) > 0:
		return errors.New("files that are mounted hold its owner's flag")
	case service.Flag != nil && service.Flag.Files > 0 && svc.ReadOnly:
		return errors.New("its root is read only and holds its owner's flag")
	}
	if can, err := c.engine.CanPatch(ch, svc, service.Flag); err != nil || can {
		return err
	}
	return errors.New("a file that holds its owner's flag lies under a mount")
}

// Places is how many networks there can be; see instancer.Platform.
func (c *Platform) Places() int { return c.subnets.Count() }

// InPlace says whether an instance is where one would be made now; see instancer.Platform.
func (c *Platform) InPlace(in *whaley.Instance) bool {
	return !slices.ContainsFunc(in.Parts(), func(p whaley.Part) bool { return !c.subnets.Holds(p.Subnet) })
}

// Prepare makes an instance's networks and containers, and leaves these at their gates; see instancer.Platform.
func (c *Platform) Prepare(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	if plan.Warm {
		return c.warm(ctx, in, plan, steps)
	}
	made := map[string]string{}
	steps.Run = func(ctx context.Context, _ *whaley.Instance, all []instancer.Made) error {
		g, ctx := errgroup.WithContext(ctx)
		for _, m := range all {
			made[m.Service.Name] = m.ID
			g.Go(func() error { return c.engine.StartContainer(ctx, m.ID) })
		}
		return g.Wait()
	}
	s := &start{Platform: c, in: in, plan: plan, steps: steps, waits: true}
	if err := s.tries(ctx); err != nil {
		return err
	}
	c.remember(in.ID, made)
	return nil
}

func (c *Platform) remember(instance string, made map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepared[instance] = made
}

// warm makes an instance and has it run, and then halts what runs: it needs no CPU until its owner comes.
func (c *Platform) warm(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	s := &start{Platform: c, in: in, plan: plan, steps: steps}
	if err := s.tries(ctx); err != nil {
		return err
	}
	objects, err := c.engine.List(ctx, in.ID)
	if err != nil {
		return err
	}
	made := map[string]string{}
	for _, o := range objects {
		if o.Kind == "container" && o.Running {
			made[o.Labels.Service] = o.ID
		}
	}
	var g errgroup.Group
	for _, id := range made {
		g.Go(func() error { return c.engine.PauseContainer(ctx, id) })
	}
	if err := g.Wait(); err != nil { // not every engine can; it is as good, but for the CPU that it takes
		c.log.WarnContext(ctx, "what is warm is not halted", "instance", in.ID, "err", err)
	}
	c.remember(in.ID, made)
	return ctx.Err()
}

// Claim tells an instance's containers what they are to be, and has them run; see instancer.Platform.
func (c *Platform) Claim(ctx context.Context, in *whaley.Instance, plan instancer.Plan, steps instancer.Steps) error {
	ids, err := c.waiting(ctx, in.ID, plan.Warm)
	if err != nil {
		return err
	}
	services, err := plan.Services(in)
	if err != nil {
		return err
	}
	s := &start{Platform: c, in: in, plan: plan, steps: steps}
	var made []instancer.Made
	for _, service := range services {
		id := ids[service.Name]
		switch {
		case id == "" && plan.Warm:
			continue // it has done what it does
		case id == "":
			return fmt.Errorf("claim %s: its service %s does not wait", in.ID, service.Name)
		case !plan.Warm:
			if err := s.tell(ctx, service); err != nil {
				return err
			}
		}
		made = append(made, instancer.Made{Service: service.Service, ID: id, Address: in.Addresses[service.Name]})
	}
	if err := c.allow(ctx, in); err != nil {
		return err
	}
	if err := steps.Run(ctx, in, made); err != nil {
		return err
	}
	return c.open(ctx, in)
}

// waiting are the containers of an instance that was prepared. What another process prepared is looked for.
func (c *Platform) waiting(ctx context.Context, instance string, warm bool) (map[string]string, error) {
	c.mu.Lock()
	ids := c.prepared[instance]
	delete(c.prepared, instance)
	c.mu.Unlock()
	if ids != nil {
		return ids, nil
	}
	objects, err := c.engine.List(ctx, instance)
	if err != nil {
		return nil, err
	}
	ids = map[string]string{}
	for _, o := range objects {
		if o.Kind == "container" && (o.Waiting || warm && o.Running) {
			ids[o.Labels.Service] = o.ID
		}
	}
	return ids, nil
}
