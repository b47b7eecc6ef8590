package instancer

import (
	"context"
	"errors"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// sweepEvery is how often images of revisions that nothing needs any more are removed.
const sweepEvery = 10 * time.Minute

func (i *Instancer) sweepLoop(ctx context.Context) error {
	for loop.Sleep(ctx, sweepEvery) == nil {
		if err := i.Sweep(ctx); err != nil && ctx.Err() == nil {
			i.Log.Error("old images not removed", "err", err)
		}
	}
	return nil
}

// Sweep removes the images and the copied files of revisions that are neither loaded nor run, and the images of owners
// who run none.
func (i *Instancer) Sweep(ctx context.Context) error {
	used, dirs := map[[3]string]bool{}, map[string]bool{}
	ahead, err := i.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	for _, w := range ahead {
		used[[3]string{w.Challenge, w.Revision, w.ID}] = true // images with flags that nobody owns yet
	}
	live, err := i.Store.Live(ctx, "") // after what waits: what is claimed meanwhile is among one of them
	if err != nil {
		return err
	}
	for _, in := range live {
		used[[3]string{in.Challenge, in.Revision, in.ID}] = true
		used[[3]string{in.Challenge, in.Revision}] = true
		used[[3]string{in.Challenge, in.Revision, in.Owner.ID}] = true
		dirs[in.Terms.Dir] = true
	}
	all := i.loaded()
	for _, ch := range all {
		used[[3]string{ch.ID, ch.Revision}] = true
		now := i.startable(ch)
		used[[3]string{ch.ID, now.Revision}] = true
		dirs[now.Dir] = true
	}
	loaded := map[string]bool{}
	for _, ch := range all {
		loaded[ch.ID] = true
	}
	i.queue.keep(func(challenge string) bool { return loaded[challenge] })
	i.images.prune(func(challenge, revision string) bool { return used[[3]string{challenge, revision}] })
	pruned := i.Challenges.Prune(func(dir string) bool { return dirs[dir] })
	return errors.Join(
		pruned,
		i.Platform.RemoveImages(
			ctx, func(challenge, revision, owner string) bool { return used[[3]string{challenge, revision, owner}] },
		),
	)
}
