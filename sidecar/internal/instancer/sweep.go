package instancer

import (
	"context"
	"errors"
	"time"
)

// sweepEvery is how often images of revisions that nothing needs any more are removed.
const sweepEvery = 10 * time.Minute

func (i *Instancer) sweepLoop(ctx context.Context) error {
	for pause(ctx, sweepEvery) == nil {
		if err := i.Sweep(ctx); err != nil && ctx.Err() == nil {
			i.Log.Error("old images not removed", "err", err)
		}
	}
	return nil
}

// Sweep removes the images and the copied files of revisions that are neither loaded nor run.
func (i *Instancer) Sweep(ctx context.Context) error {
	live, err := i.Store.Live(ctx, "")
	if err != nil {
		return err
	}
	used, dirs := map[[2]string]bool{}, map[string]bool{}
	for _, in := range live {
		used[[2]string{in.Challenge, in.Revision}] = true
		dirs[in.Terms.Dir] = true
	}
	for _, ch := range i.Challenges.All() {
		used[[2]string{ch.ID, ch.Revision}] = true
	}
	pruned := i.Challenges.Prune(func(dir string) bool { return dirs[dir] })
	return errors.Join(pruned, i.Engine.RemoveImages(ctx, func(challenge, revision string) bool { return used[[2]string{challenge, revision}] }))
}
