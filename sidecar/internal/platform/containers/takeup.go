package containers

import (
	"context"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// How long a half-made instance is left alone between two tries to undo what is of no use.
const (
	undoFirst = 200 * time.Millisecond
	undoLast  = 5 * time.Second
)

// leftovers are containers and networks that a crashed sidecar already created for this instance. A start that is cut
// short again and again must not begin with nothing each time.
type leftovers struct {
	containers map[string]string // service → container
	waiting    map[string]bool   // services whose container waits at its gate
	networks   map[string]bool   // the engine's names
}

func (r leftovers) any() bool { return len(r.containers)+len(r.networks) > 0 }

// takeUp looks at what there is of an instance in state starting and removes what is of no use.
func (s *start) takeUp(ctx context.Context) error {
	if s.in.State != whaley.Starting {
		return nil
	}
	// The engine may still be at what that process asked for, and refuse for a moment what disturbs it.
	for backoff := (loop.Backoff{First: undoFirst, Most: undoLast}); ; {
		err := s.tryTakeUp(ctx)
		if err == nil {
			s.log.InfoContext(ctx, "going on with a half-made instance", "instance", s.in.ID,
				"containers", len(s.old.containers), "networks", len(s.old.networks))
			return nil
		}
		wait := backoff.Next()
		if whaley.CodeOf(err) == whaley.CodeStateChanged || whaley.CodeOf(err) == whaley.CodeStandby ||
			loop.Sleep(ctx, wait) != nil {
			return err
		}
		s.log.WarnContext(ctx, "half-made instance not taken up yet", "instance", s.in.ID, "err", err, "waited", wait)
	}
}

func (s *start) tryTakeUp(ctx context.Context) error {
	objects, err := s.engine.List(ctx, s.in.ID)
	if err != nil {
		return err
	}
	if s.plan.Anew {
		for n := range objects {
			objects[n].Waiting = false // it may be of another image
		}
	}
	old, useless := sortLeftovers(s.in, s.plan.Challenge, objects)
	whole, err := s.sandboxes.Whole(ctx, s.in.ID)
	if err != nil {
		return err
	}
	if old.any() && whole {
		s.old = old
		return s.removeAll(ctx, s.in, useless)
	}
	s.old = leftovers{}
	if err := s.unplace(ctx); err != nil {
		return err
	}
	if !whole {
		s.log.WarnContext(ctx, "sandbox of a half-made instance is broken, beginning without it", "instance", s.in.ID)
		if err := s.sandboxes.Discard(ctx, s.in.ID); err != nil {
			return err
		}
	}
	return s.subnets.Release(ctx, s.in.ID)
}

// sortLeftovers sorts objects into those that can be used and those that cannot. A container that runs, or waits at its
// gate, was complete before it was started; of one that does not, that is not known. Once one has ended, others may
// have begun with what it left behind: then nothing is of use.
func sortLeftovers(
	in *whaley.Instance, ch *whaley.Challenge, objects []instancer.Object,
) (old leftovers, useless []instancer.Object) {
	old = leftovers{containers: map[string]string{}, waiting: map[string]bool{}, networks: map[string]bool{}}
	if in.Revision != ch.Revision || slices.ContainsFunc(objects, func(o instancer.Object) bool { return o.Ended }) {
		return leftovers{}, objects
	}
	expected := map[string]bool{}
	for _, p := range in.Parts() {
		expected[in.EngineNetwork(p.Name)] = true
	}
	for _, o := range objects {
		switch {
		case o.Kind == "container" && (o.Running || o.Waiting) && in.Addresses[o.Labels.Service].IsValid() &&
			old.containers[o.Labels.Service] == "":
			old.containers[o.Labels.Service], old.waiting[o.Labels.Service] = o.ID, o.Waiting
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
