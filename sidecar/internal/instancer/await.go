package instancer

import (
	"context"
	"errors"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// awaitImages has a start wait for its images, and then put into the queue. It takes no slot, and no part of the time
// that a start may take.
func (i *Instancer) awaitImages(ctx context.Context, in *whaley.Instance, address string) {
	defer i.clearStage(in.ID)
	waiting, end := i.step(ctx, "images")
	err := i.makeImages(waiting, in)
	end(err)
	switch {
	case context.Cause(ctx) != nil, errors.Is(err, errShutdown): // stopped meanwhile, or shutting down: builds may end before jobs do
	case err == nil:
		i.then(in.ID, func() { i.enqueue(in, address) })
	default:
		ctx, _, end := i.resume(ctx, whaley.OpSpawn, in.ID)
		defer end()
		if now, gone := i.Store.Get(ctx, in.ID); gone == nil && (now.State == whaley.Queued || now.State == whaley.Starting) {
			i.fail(ctx, now, err)
		}
	}
}

// makeImages returns when all images of a start are there, those with its owner's flag too. A challenge that is edited
// meanwhile is waited for anew.
func (i *Instancer) makeImages(ctx context.Context, in *whaley.Instance) error {
	tell := func(stage string, t *turn) { i.setWaiting(in, stage, t) }
	for {
		ch, loaded := i.Challenges.Get(in.Challenge)
		if !loaded {
			return errTakenAway
		}
		ch = i.startable(ch)
		b, err := i.images.wait(ctx, ch, tell)
		if err == nil {
			err = i.makeOwn(ctx, b, in, ch, tell)
		}
		now, _ := i.Challenges.Get(in.Challenge)
		// the last good one
		instead := err != nil && ctx.Err() == nil && now != nil && i.startable(now).Revision != ch.Revision
		if !errors.Is(err, errUnwanted) && !instead && !errors.Is(err, errPatience) {
			return err
		}
	}
}

func (i *Instancer) makeOwn(
	ctx context.Context, b *build, in *whaley.Instance, ch *whaley.Challenge, tell func(string, *turn),
) error {
	flags, err := i.flags(ctx, in, ch)
	if err != nil {
		return err
	}
	if !b.needed(ch, flags) {
		i.images.disown(func(id string) bool { return id == in.ID })
		return nil
	}
	return i.images.buildOwn(ctx, b, in, ch, flags, tell)
}
