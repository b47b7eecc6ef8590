package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// yieldToStarts is how long making one waits for spawns that are under way.
	yieldToStarts = 2 * time.Second
	holderMemory  = 32 << 20 // bytes; the program needs none, starting it does
	subnetTries   = 5
)

// Fill makes, cleans and removes one thing after the other until all is as it should be. What fails is left for later
// and holds up nothing else.
func (p *Pool) Fill(ctx context.Context, rules Rules) error {
	var failed error
	for ctx.Err() == nil {
		all, err := p.store.Sandboxes(ctx)
		if err != nil {
			return errors.Join(failed, err)
		}
		what, do := p.next(all, rules)
		if do == nil {
			break
		}
		if err := do(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", what, err))
			p.backoff.failed(what)
		} else {
			p.backoff.done(what)
		}
	}
	return failed
}

func (p *Pool) shapeOf(k string) whaley.Shape {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shapes[k]
}

// wait lets spawns go first, for a while.
func (p *Pool) wait(ctx context.Context, rules Rules) {
	deadline := time.Now().Add(yieldToStarts)
	for !rules.Idle() && time.Now().Before(deadline) && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
}

// make makes a sandbox, out of another that has rested if there is one.
func (p *Pool) make(ctx context.Context, shape whaley.Shape, rested *whaley.Sandbox) error {
	// What the engine has begun is waited for, so that what it makes is found by whoever goes on.
	ctx = context.WithoutCancel(ctx)
	sb := rested
	if sb == nil {
		id := make([]byte, 4)
		_, _ = rand.Read(id) // never fails
		sb = &whaley.Sandbox{ID: whaley.SandboxPrefix + hex.EncodeToString(id), Shape: shape, State: whaley.SandboxMaking}
		if err := p.store.AddSandbox(ctx, sb); err != nil {
			return err
		}
	} else {
		sb.Shape = shape
		if mine, err := p.store.MoveSandbox(ctx, sb, whaley.SandboxMaking); err != nil || !mine {
			return err
		}
		sb.State = whaley.SandboxMaking
	}
	return p.finish(ctx, sb, rested != nil, whaley.SandboxReady)
}

// finish gives a sandbox the holders that it lacks, in the place of others if it has some, and its next state.
func (p *Pool) finish(ctx context.Context, sb *whaley.Sandbox, others bool, to whaley.SandboxState) error {
	var err error
	if others {
		err = p.removeHolders(ctx, sb.ID)
	}
	if err == nil {
		err = p.fill(ctx, sb)
	}
	if err == nil {
		err = p.move(ctx, sb, to)
	}
	if err != nil {
		return errors.Join(err, p.retire(ctx, sb))
	}
	return nil
}

// move leaves a sandbox in a state that nothing works on.
func (p *Pool) move(ctx context.Context, sb *whaley.Sandbox, to whaley.SandboxState) error {
	_, err := p.store.MoveSandbox(ctx, sb, to)
	return err
}

// fill makes what a sandbox consists of.
func (p *Pool) fill(ctx context.Context, sb *whaley.Sandbox) error {
	image, err := p.engine.HolderImage(ctx)
	if err != nil {
		return err
	}
	labels := instancer.Labels{Instance: sb.ID, CreatedAt: time.Now()}
	if !sb.Subnet.IsValid() {
		if err := p.network(ctx, sb, labels); err != nil {
			return err
		}
	}
	var g errgroup.Group
	for n, place := range sb.Shape.Services {
		g.Go(func() error {
			labels := labels
			labels.Service = place.Name
			id, err := p.engine.CreateContainer(ctx, containers.ContainerSpec{
				Name: sb.Holder(place.Name), Network: whaley.NetworkName(sb.ID), Address: sb.Address(n),
				Aliases: append([]string{place.Name}, place.Aliases...),
				Egress:  sb.Shape.Egress, Labels: labels,
				Service: whaley.Service{Name: place.Name, Hostname: place.Hostname, Image: image,
					Limits: whaley.Limits{MemoryBytes: holderMemory, Pids: 8}},
			})
			if err != nil {
				return err
			}
			return p.engine.StartContainer(ctx, id)
		})
	}
	return g.Wait()
}

func (p *Pool) network(ctx context.Context, sb *whaley.Sandbox, labels instancer.Labels) error {
	for try := 1; ; try++ {
		subnet, err := p.subnets.Reserve(ctx, sb.ID)
		if err != nil {
			return err
		}
		err = p.engine.CreateNetwork(ctx, containers.NetworkSpec{
			Name: whaley.NetworkName(sb.ID), Subnet: subnet, Internal: !sb.Shape.Egress && !sb.Shape.Ports, Masquerade: sb.Shape.Egress,
			Labels: labels,
		})
		if err == nil {
			sb.Subnet = subnet // written when it is ready
			return nil
		}
		if whaley.CodeOf(err) != whaley.CodeSubnetTaken || try == subnetTries {
			return err
		}
		if err := p.subnets.Avoid(ctx, sb.ID, subnet); err != nil {
			return err
		}
	}
}

// clear does what a sandbox waits for that nobody can use.
func (p *Pool) clear(ctx context.Context, sb *whaley.Sandbox, keep bool, rules Rules) error {
	switch {
	case sb.State == whaley.SandboxGone:
		return p.remove(ctx, sb)
	case sb.State == whaley.SandboxUsed && keep:
		p.wait(ctx, rules)
		return p.clean(ctx, sb)
	}
	return p.retire(ctx, sb)
}

// clean replaces the holders that an instance had, and keeps the network. There are new ones at once, because an
// address that nobody has lets whoever still remembers it wait, and theirs refuse.
func (p *Pool) clean(ctx context.Context, sb *whaley.Sandbox) error {
	ctx = context.WithoutCancel(ctx) // as in make
	mine, err := p.store.MoveSandbox(ctx, sb, whaley.SandboxCleaning)
	if err != nil || !mine {
		return err
	}
	sb.State = whaley.SandboxCleaning
	return p.finish(ctx, sb, true, whaley.SandboxResting)
}

// retire makes sure that nobody takes a sandbox any more, and removes it.
func (p *Pool) retire(ctx context.Context, sb *whaley.Sandbox) error {
	mine, err := p.store.MoveSandbox(ctx, sb, whaley.SandboxGone)
	if err != nil || !mine {
		return err
	}
	return p.remove(ctx, sb)
}

// remove removes all that a sandbox has, and then forgets it.
func (p *Pool) remove(ctx context.Context, sb *whaley.Sandbox) error {
	if err := p.removeObjects(ctx, sb.ID); err != nil {
		return err
	}
	if err := p.subnets.Release(ctx, sb.ID); err != nil {
		return err
	}
	return p.store.DropSandbox(ctx, sb.ID)
}

func (p *Pool) removeHolders(ctx context.Context, id string) error {
	objects, err := p.engine.List(ctx, id)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		if o.Kind == "container" {
			g.Go(func() error { return p.engine.RemoveContainer(gctx, o.ID) })
		}
	}
	return g.Wait()
}

func (p *Pool) removeObjects(ctx context.Context, id string) error {
	if err := p.removeHolders(ctx, id); err != nil {
		return err
	}
	objects, err := p.engine.List(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Kind == "network" {
			err = errors.Join(err, p.engine.RemoveNetwork(ctx, o.ID))
		}
	}
	return err
}
