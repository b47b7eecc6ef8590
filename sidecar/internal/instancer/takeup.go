package instancer

import (
	"context"
	"errors"
	"slices"
	"time"
)

// How long a half-made instance is left alone between two tries to undo what is of no use.
const (
	undoFirst = 200 * time.Millisecond
	undoLast  = 5 * time.Second
)

// relics are what a process that is no more had made of an instance, as far as it can be gone on with. A start that is
// cut short again and again must not begin with nothing each time.
type relics struct {
	containers map[string]string // service → container
	networks   map[string]bool   // the engine's names
}

func (r relics) any() bool { return len(r.containers)+len(r.networks) > 0 }

// takeUp looks at what there is of an instance in state starting and removes what is of no use.
func (i *Instancer) takeUp(ctx context.Context, in *Instance, ch *Challenge) (*Instance, relics, error) {
	if in.State != Starting {
		return in, relics{}, nil
	}
	// The engine may still be at what that process asked for, and refuse for a moment what disturbs it.
	for wait := undoFirst; ; wait = min(2*wait, undoLast) {
		now, old, err := i.tryTakeUp(ctx, in, ch)
		if err == nil {
			i.Log.InfoContext(ctx, "going on with a half-made instance", "instance", in.ID, "containers", len(old.containers), "networks", len(old.networks))
			return now, old, nil
		}
		if CodeOf(err) == CodeStateChanged || CodeOf(err) == CodeLeaseLost || pause(ctx, wait) != nil {
			return nil, relics{}, err
		}
		i.Log.WarnContext(ctx, "half-made instance not taken up yet", "instance", in.ID, "err", err, "again_in", wait)
	}
}

func (i *Instancer) tryTakeUp(ctx context.Context, in *Instance, ch *Challenge) (*Instance, relics, error) {
	objects, err := i.Engine.List(ctx, in.ID)
	if err != nil {
		return nil, relics{}, err
	}
	old, useless := i.relics(in, ch, objects)
	whole, err := i.Sandboxes.Whole(ctx, in.ID)
	if err != nil {
		return nil, relics{}, err
	}
	if old.any() && whole {
		return in, old, i.removeAll(ctx, in, useless)
	}
	if in, err = i.unplace(ctx, in); err != nil {
		return nil, relics{}, err
	}
	if !whole {
		i.Log.WarnContext(ctx, "sandbox of a half-made instance is broken, beginning without it", "instance", in.ID)
		if err := i.Sandboxes.Discard(ctx, in.ID); err != nil {
			return nil, relics{}, err
		}
	}
	return in, relics{}, i.Subnets.Release(ctx, in.ID)
}

// relics sorts objects into those that can be used and those that cannot. A container that runs was complete before it
// was started; of one that does not, that is not known. Once one has ended, others may have begun with what it left
// behind: then nothing is of use.
func (i *Instancer) relics(in *Instance, ch *Challenge, objects []Object) (old relics, useless []Object) {
	old = relics{containers: map[string]string{}, networks: map[string]bool{}}
	if in.Revision != ch.Revision || slices.ContainsFunc(objects, func(o Object) bool { return o.Ended }) {
		return relics{}, objects
	}
	expected := map[string]bool{}
	for _, p := range in.parts() {
		expected[in.engineNetwork(p.Name)] = true
	}
	for _, o := range objects {
		switch {
		case o.Kind == "container" && o.Running && in.Addresses[o.Labels.Service].IsValid() && old.containers[o.Labels.Service] == "":
			old.containers[o.Labels.Service] = o.ID
		case o.Kind == "network" && expected[o.Name] && !old.networks[o.Name]:
			old.networks[o.Name] = true
		case o.Kind == "network":
			return relics{}, objects // one name for two networks, or an unknown one
		case o.Kind == "container":
			useless = append(useless, o)
		}
	}
	return old, useless
}

// leave removes what was made of an instance in another place than it has now.
func (i *Instancer) leave(ctx context.Context, in *Instance, was []Part) error {
	err := i.clear(ctx, in)
	for _, p := range was {
		err = errors.Join(err, i.Firewall.Forbid(ctx, p.Subnet))
	}
	return err
}
