package sandbox

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Reconcile looks at every row and every object of sandboxes once: what was half made or half removed goes, what an
// instance had that is no more is used, what lost a holder goes, and so does what no row asks for.
func (p *Pool) Reconcile(ctx context.Context, rules Rules) error {
	// Rows come before objects when one is made, and an instance's before it takes one: each is read after it here.
	objects, err := p.engine.List(ctx, "")
	if err != nil {
		return err
	}
	all, err := p.store.Sandboxes(ctx)
	if err != nil {
		return err
	}
	rows, err := p.store.Live(ctx, "")
	if err != nil {
		return err
	}
	live := map[string]bool{}
	for _, in := range rows {
		live[in.ID] = true
	}
	byID := map[string][]instancer.Object{}
	for _, o := range objects {
		byID[o.Labels.Instance] = append(byID[o.Labels.Instance], o)
	}
	known := map[string]bool{}
	for _, sb := range all {
		known[sb.ID] = true
		if err := p.settle(ctx, sb, byID[sb.ID], live, rules); err != nil {
			p.log.Error("sandbox not settled", "sandbox", sb.ID, "state", sb.State, "err", err)
		}
	}
	for id := range byID {
		if !known[id] {
			p.log.Info("removing leftovers of an unknown sandbox", "sandbox", id)
			if err := p.removeObjects(ctx, id); err != nil {
				p.log.Error("object without sandbox not removed", "sandbox", id, "err", err)
			}
		}
	}
	return nil
}

func (p *Pool) settle(
	ctx context.Context, sb *whaley.Sandbox, objects []instancer.Object, live map[string]bool, rules Rules,
) error {
	switch sb.State {
	case whaley.SandboxMaking, whaley.SandboxCleaning:
		return p.retire(ctx, sb) // Run does one thing at a time: this was left by an earlier life
	case whaley.SandboxTaken:
		if !live[sb.Instance] {
			return p.Free(ctx, sb.Instance)
		}
		if !whole(sb, objects) {
			return p.look(ctx, sb, rules)
		}
	case whaley.SandboxReady, whaley.SandboxResting:
		if !whole(sb, objects) {
			return p.look(ctx, sb, rules)
		}
	}
	return nil
}

// whole says whether all of a sandbox is there and every holder runs.
func whole(sb *whaley.Sandbox, objects []instancer.Object) bool {
	holders, network := 0, false
	for _, o := range objects {
		if o.Kind == "container" && o.Running {
			holders++
		}
		network = network || o.Kind == "network"
	}
	return network && holders == len(sb.Shape.Services)
}

// Whole says whether the sandbox that an instance has is; see containers.Sandboxes.
func (p *Pool) Whole(ctx context.Context, instance string) (bool, error) {
	all, err := p.store.Sandboxes(ctx)
	if err != nil {
		return false, err
	}
	for _, sb := range all {
		if sb.Instance == instance && sb.State == whaley.SandboxTaken {
			objects, err := p.engine.List(ctx, sb.ID)
			return whole(sb, objects), err
		}
	}
	return true, nil
}

// look checks one afresh that does not seem whole, and acts on it.
func (p *Pool) look(ctx context.Context, sb *whaley.Sandbox, rules Rules) error {
	objects, err := p.engine.List(ctx, sb.ID)
	if err != nil || whole(sb, objects) {
		return err
	}
	if sb.State == whaley.SandboxTaken {
		rules.NetworkLost(ctx, sb.Instance)
		return nil
	}
	p.log.Warn("sandbox lost a holder and is removed", "sandbox", sb.ID)
	return p.retire(ctx, sb)
}

// lost acts on the end of a holder. It is a hint: an empty id means that some may have been missed.
func (p *Pool) lost(ctx context.Context, id string, rules Rules) error {
	if id == "" {
		return p.Reconcile(ctx, rules)
	}
	all, err := p.store.Sandboxes(ctx)
	if err != nil {
		return err
	}
	for _, sb := range all {
		if sb.ID != id {
			continue
		}
		switch sb.State {
		case whaley.SandboxTaken, whaley.SandboxReady, whaley.SandboxResting:
			return p.look(ctx, sb, rules)
		}
	}
	return nil
}
