package containers

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// assemble makes networks, volumes and containers, but for those that are there, and has them run.
func (s *start) assemble(ctx context.Context) error {
	services, err := s.plan.Services(s.in)
	if err != nil {
		return err
	}
	ids, err := s.makeAll(ctx, services)
	if err != nil {
		return err
	}
	made := make([]instancer.Made, len(services))
	for n, service := range services {
		made[n] = instancer.Made{Service: service.Service, ID: ids[n], Address: s.in.Addresses[service.Name]}
	}
	if err := s.steps.Run(ctx, s.in, made); err != nil {
		return err
	}
	if s.waits {
		return nil
	}
	return s.open(ctx, s.in)
}

func (s *start) makeAll(ctx context.Context, services []instancer.PlannedService) (ids []string, err error) {
	// A call that the engine has begun is waited for even if the start is given up: what it makes must be there when
	// whoever gave it up looks for what to remove. The engine's adapter bounds each call.
	ctx = context.WithoutCancel(ctx)
	in, ch := s.in, s.plan.Challenge
	volumes := make(map[string]string, len(ch.Volumes))
	for _, v := range ch.Volumes {
		volumes[v] = in.ID + "_" + v
		if err := s.engine.CreateVolume(ctx, volumes[v], s.plan.Labels); err != nil {
			return nil, err
		}
	}
	ctx, end := s.steps.Step(ctx, "network and containers")
	defer func() { end(err) }()
	var g errgroup.Group
	for _, p := range in.Parts() {
		if s.taken == nil && !s.old.networks[in.EngineNetwork(p.Name)] {
			g.Go(func() error { return s.engine.CreateNetwork(ctx, s.networkSpec(in, ch, p, s.plan.Labels)) })
		}
	}
	ids = make([]string, len(services))
	for n, service := range services {
		ids[n] = s.old.containers[service.Name]
		switch {
		case ids[n] == "":
			g.Go(func() (err error) {
				ids[n], err = s.create(ctx, n, service, volumes)
				return err
			})
		case s.old.waiting[service.Name]: // an earlier life may not have got as far as to tell it
			g.Go(func() error { return s.tell(ctx, service) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return ids, s.connect(ctx, services, ids)
}

// connect puts the services that are on several networks onto the further ones, which are there by now.
func (s *start) connect(ctx context.Context, services []instancer.PlannedService, ids []string) error {
	var g errgroup.Group
	for n, service := range services {
		if s.old.containers[service.Name] != "" {
			continue
		}
		for _, e := range s.in.Endpoints(service.Service, n)[1:] {
			g.Go(func() error { return s.engine.ConnectContainer(ctx, ids[n], e) })
		}
	}
	return g.Wait()
}

// create makes the container of the nth service with the flag in it; it is not started before that is certain.
func (s *start) create(
	ctx context.Context, n int, service instancer.PlannedService, volumes map[string]string,
) (string, error) {
	spec := s.spec(n, service.Service, volumes)
	ch, flag, svc := s.plan.Challenge, service.Flag, &spec.Service
	gated, err := s.gated(service)
	if err != nil {
		return "", err
	}
	if s.waits && !gated { // its program would run and be nobody's
		return "", fmt.Errorf("service %s of %s cannot wait", service.Name, s.in.ID)
	}
	spec.Gated = gated
	if s.copies(svc, flag) {
		copies, err := s.engine.MakeFiles(ctx, s.in.ID, ch, svc, flag, s.plan.Flags)
		if err != nil {
			return "", err
		}
		svc.Mounts = slices.DeleteFunc(slices.Clone(svc.Mounts), func(m whaley.Mount) bool {
			return slices.ContainsFunc(copies, func(c whaley.Mount) bool { return c.Target == m.Target })
		})
		svc.Mounts = append(svc.Mounts, copies...)
	}
	id, err := s.engine.CreateContainer(ctx, spec)
	if err == nil && gated && !s.waits {
		err = s.tell(ctx, service)
	}
	if err == nil && !gated && flag != nil && flag.Files > 0 && !svc.ReadOnly {
		err = s.engine.PlaceFlag(ctx, id, ch, svc, flag, s.plan.Flags)
	}
	if own := ch.OwnMounts(svc); err == nil && len(own) > 0 {
		err = s.engine.FillMounts(ctx, id, ch, svc, own, s.plan.Flags)
	}
	return id, err
}

// copies says whether a service gets files of the instance's own: those that the compose file holds the text of, and
// those with the flag in them, since those of its folder or its image are not written to.
func (s *start) copies(svc *whaley.Service, flag *whaley.ImageFlag) bool {
	if slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool { return m.Written }) {
		return true
	}
	mounted := slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool { return m.From == "" && len(m.Flags) > 0 })
	return s.plan.Flags != nil && (mounted || svc.ReadOnly && flag != nil && flag.Files > 0)
}

func (s *start) spec(n int, service whaley.Service, volumes map[string]string) ContainerSpec {
	in, ch := s.in, s.plan.Challenge
	first := in.Endpoints(service, n)[0]
	spec := ContainerSpec{
		Name: in.ID + "-" + service.Name, Service: service, Network: first.Network, Address: first.Address,
		Aliases: first.Aliases,
		Publish: s.published(service.Name, false), UDP: s.published(service.Name, true),
		Volumes: volumes, Egress: ch.Egress, Labels: s.plan.Labels,
	}
	spec.Labels.Service = service.Name
	switch {
	case service.Shares != "":
		spec.Join = in.ID + "-" + service.Shares
	case s.taken != nil && !service.Relay:
		spec.Join = s.taken.Holder(service.Name)
	}
	return spec
}
