package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Get is an owner's instance. Another owner's is CodeInstanceNotFound, as is one that never was.
func (i *Instancer) Get(ctx context.Context, p whaley.Player, id string) (*whaley.Instance, error) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !p.Known() || in.Owner.ID != p.Owner.ID {
		return nil, whaley.Errorf(whaley.NotFound, whaley.CodeInstanceNotFound, "You have no instance %q.", id)
	}
	return i.withStage(in), nil
}

// List is an owner's live instances, and per challenge without one the spawn that failed as long as its back-off lasts.
func (i *Instancer) List(ctx context.Context, p whaley.Player) ([]*whaley.Instance, error) {
	if !p.Known() {
		return nil, whaley.Errorf(whaley.Unauthorized, "player_unknown", "Sign in first.")
	}
	now := i.now()
	all, err := i.Store.LiveOrFailed(ctx, p.Owner.ID, now.Add(-whaley.LongestBackOff))
	if err != nil {
		return nil, err
	}
	var list []*whaley.Instance
	at := map[string]int{} // challenge → index in list
	for _, in := range all {
		n, has := at[in.Challenge]
		switch {
		case in.State.Live():
			at[in.Challenge] = len(list)
			list = append(list, i.withStage(in))
		case in.BackOff(now) == nil || has && list[n].State.Live():
		case has:
			list[n] = in // a later try
		default:
			at[in.Challenge] = len(list)
			list = append(list, in)
		}
	}
	return list, nil
}

// LiveCounts is how many instances of each challenge live, of everybody.
func (i *Instancer) LiveCounts(ctx context.Context) (map[string]int, error) {
	live, err := i.Store.Live(ctx, "")
	counts := map[string]int{}
	for _, in := range live {
		counts[in.Challenge]++
	}
	return counts, err
}

// Await returns an owner's instance as soon as its version is another than seen, or as it is when ctx ends.
func (i *Instancer) Await(ctx context.Context, p whaley.Player, id string, seen int64) (*whaley.Instance, error) {
	for {
		changed, done := i.hub.watch(ownerKey(p.Owner.ID))
		in, err := i.Get(context.WithoutCancel(ctx), p, id)
		if err != nil || in.Version != seen {
			done()
			return in, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			done()
			return in, nil
		}
		done()
	}
}

// Position is an instance's place in the queue: 1 is next, 0 does not wait.
func (i *Instancer) Position(id string) int { return i.progressOf(id).turn }

// withStage adds what is in no row.
func (i *Instancer) withStage(in *whaley.Instance) *whaley.Instance {
	if in.State == whaley.Queued || in.State == whaley.Starting {
		in.Stage = i.progressOf(in.ID).stage
	}
	return in
}
