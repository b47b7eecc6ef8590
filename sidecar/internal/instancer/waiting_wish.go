package instancer

import (
	"cmp"
	"context"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// wish is how many of one challenge should wait.
type wish struct {
	warm  bool
	ch    *whaley.Challenge
	build *build // nil: it is not known yet what would be made, so what there is stays
	form  string
	count int
	needs int64 // bytes that count for the host once one is an owner's
	made  bool  // one that is missing is made now
}

// wishes are what should wait: each challenge has one before any has two, and of these what is asked for most.
func (i *Instancer) wishes(ctx context.Context) ([]wish, error) {
	policy := i.Policy()
	if policy.Waiting == 0 || i.drained() != nil {
		return nil, nil
	}
	live, err := i.Store.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []wish
	for _, loaded := range i.Challenges.All() {
		ch := i.startable(loaded)
		b := i.images.built(ch)
		if loaded.Inactive {
			continue
		}
		if b == nil {
			all = append(all, wish{ch: ch}, wish{ch: ch, warm: true})
			continue
		}
		if i.canWait(ch, b) == nil {
			all = append(all, wish{
				ch: ch, build: b, form: formOf(ch, b, i.Inside.Authority()), count: min(i.waiting.demand(ch.ID), policy.Waiting),
			})
		}
		if n := i.warmWanted(ch); n > 0 {
			all = append(all, wish{warm: true, ch: ch, build: b, form: i.warmForm(ch, b), count: min(n, policy.Waiting)})
		}
	}
	can := i.DiskShort() == nil && !i.pressed() && !i.waiting.isFull()
	for n := range all {
		all[n].needs = i.needed(all[n].ch)
		all[n].made = can && all[n].build != nil && !i.waiting.leftAlone(all[n].form)
	}
	slices.SortStableFunc(all, func(a, b wish) int { return cmp.Compare(b.count, a.count) })
	room := waitingRoom(policy, i.Platform.Places(), live)
	for _, warm := range []bool{false, true} { // what waits at its gate takes little: there is room for that first
		room.share(all, warm)
	}
	return all, nil
}
