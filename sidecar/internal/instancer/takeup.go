package instancer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// How long a half-made instance is left alone between two tries to undo what is of no use.
const (
	undoFirst = 200 * time.Millisecond
	undoLast  = 5 * time.Second
)

// leftovers are containers and networks that a crashed sidecar already created for this instance. A start that is cut short
// again and again must not begin with nothing each time.
type leftovers struct {
	containers map[string]string // service → container
	networks   map[string]bool   // the engine's names
}

func (r leftovers) any() bool { return len(r.containers)+len(r.networks) > 0 }

// takeUp looks at what there is of an instance in state starting and removes what is of no use.
func (i *Instancer) takeUp(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge) (*whaley.Instance, leftovers, error) {
	if in.State != whaley.Starting {
		return in, leftovers{}, nil
	}
	// The engine may still be at what that process asked for, and refuse for a moment what disturbs it.
	for wait := undoFirst; ; wait = min(2*wait, undoLast) {
		now, old, err := i.tryTakeUp(ctx, in, ch)
		if err == nil {
			i.Log.InfoContext(ctx, "going on with a half-made instance", "instance", in.ID, "containers", len(old.containers), "networks", len(old.networks))
			return now, old, nil
		}
		if whaley.CodeOf(err) == whaley.CodeStateChanged || whaley.CodeOf(err) == whaley.CodeLeaseLost || pause(ctx, wait) != nil {
			return nil, leftovers{}, err
		}
		i.Log.WarnContext(ctx, "half-made instance not taken up yet", "instance", in.ID, "err", err, "again_in", wait)
	}
}

func (i *Instancer) tryTakeUp(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge) (*whaley.Instance, leftovers, error) {
	objects, err := i.Engine.List(ctx, in.ID)
	if err != nil {
		return nil, leftovers{}, err
	}
	old, useless := i.leftovers(in, ch, objects)
	whole, err := i.Sandboxes.Whole(ctx, in.ID)
	if err != nil {
		return nil, leftovers{}, err
	}
	if old.any() && whole {
		return in, old, i.removeAll(ctx, in, useless)
	}
	if in, err = i.unplace(ctx, in); err != nil {
		return nil, leftovers{}, err
	}
	if !whole {
		i.Log.WarnContext(ctx, "sandbox of a half-made instance is broken, beginning without it", "instance", in.ID)
		if err := i.Sandboxes.Discard(ctx, in.ID); err != nil {
			return nil, leftovers{}, err
		}
	}
	return in, leftovers{}, i.Subnets.Release(ctx, in.ID)
}

// leftovers sorts objects into those that can be used and those that cannot. A container that runs was complete before it
// was started; of one that does not, that is not known. Once one has ended, others may have begun with what it left
// behind: then nothing is of use.
func (i *Instancer) leftovers(in *whaley.Instance, ch *whaley.Challenge, objects []Object) (old leftovers, useless []Object) {
	old = leftovers{containers: map[string]string{}, networks: map[string]bool{}}
	if in.Revision != ch.Revision || slices.ContainsFunc(objects, func(o Object) bool { return o.Ended }) {
		return leftovers{}, objects
	}
	expected := map[string]bool{}
	for _, p := range in.Parts() {
		expected[in.EngineNetwork(p.Name)] = true
	}
	for _, o := range objects {
		switch {
		case o.Kind == "container" && o.Running && in.Addresses[o.Labels.Service].IsValid() && old.containers[o.Labels.Service] == "":
			old.containers[o.Labels.Service] = o.ID
		case o.Kind == "network" && expected[o.Name] && !old.networks[o.Name]:
			old.networks[o.Name] = true
		case o.Kind == "network":
			return leftovers{}, objects // one name for two networks, or an unknown one
		case o.Kind == "container":
			useless = append(useless, o)
		}
	}
	return old, useless
}

// leave removes what was made of an instance in another place than it has now.
func (i *Instancer) leave(ctx context.Context, in *whaley.Instance, was []whaley.Part) error {
	err := i.clear(ctx, in)
	for _, p := range was {
		err = errors.Join(err, i.Firewall.Forbid(ctx, p.Subnet))
	}
	return err
}
