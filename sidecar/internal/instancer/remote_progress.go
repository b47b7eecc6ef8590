package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	tellEvery = 300 * time.Millisecond // at most this often others are told how far starts are
	tellTime  = 5 * time.Second
)

// moved tells everybody who waits for an instance that its start got further, here at once, on other sidecars soon.
func (i *Instancer) moved(in *whaley.Instance) {
	i.changed(in)
	i.mu.Lock()
	i.unsentProgress[in.ID] = in
	i.mu.Unlock()
	select {
	case i.tell <- struct{}{}:
	default:
	}
}

// broadcastLoop tells other sidecars how far the starts of this one are. It is not on the way of any start.
func (i *Instancer) broadcastLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.tell:
		}
		told, cancel := context.WithTimeout(ctx, tellTime)
		if err := i.Store.Tell(told, i.progressMade()...); err != nil && ctx.Err() == nil {
			i.Log.Debug("other sidecars not told how far starts are", "err", err)
		}
		cancel()
		if pause(ctx, tellEvery) != nil {
			return nil
		}
	}
}

// progressMade are the starts that got further since it was last asked.
func (i *Instancer) progressMade() []whaley.Change {
	places := i.queue.places()
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []whaley.Change
	for id, in := range i.unsentProgress {
		local, at := i.progress[id]
		if at || places[id].position > 0 {
			all = append(all, whaley.Change{Instance: id, Challenge: in.Challenge, Slug: in.Slug, Owner: in.Owner.ID, Progress: &whaley.Progress{
				Worker: i.opts.Worker, Stage: local.stage, Seq: local.seq, Position: places[id].position, Estimate: i.estimate(local, places[id]),
			}})
		}
	}
	clear(i.unsentProgress)
	return all
}

// receiveProgress remembers what another sidecar tells, for as long as that start goes on.
func (i *Instancer) receiveProgress(change whaley.Change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case change.Progress == nil && change.State != whaley.Queued && change.State != whaley.Starting:
		delete(i.remoteProgress, change.Instance)
	case change.Progress != nil && change.Progress.Worker != i.opts.Worker:
		i.remoteProgress[change.Instance] = *change.Progress
	}
}

// progressOf is how far an instance's start is, here or on another sidecar.
func (i *Instancer) progressOf(id string) whaley.Progress {
	place := i.queue.places()[id]
	i.mu.Lock()
	defer i.mu.Unlock()
	local, here := i.progress[id]
	if !here && place.position == 0 {
		return i.remoteProgress[id]
	}
	return whaley.Progress{Stage: local.stage, Seq: local.seq, Position: place.position, Estimate: i.estimate(local, place)}
}

// estimate is about how long it is until a start begins that waits for its images, or for its turn.
func (i *Instancer) estimate(local progress, at place) time.Duration {
	if local.turn != nil {
		return i.images.turns.left(local.turn)
	}
	return at.wait
}

const shiftEvery = time.Second // at most this often those who wait are told of their places

// shiftLoop tells those who wait that they have other places. Each of them then asks for its own: with many who wait and
// many who start, telling each of each would be more work than the starts.
func (i *Instancer) shiftLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.queue.shift:
		}
		for _, in := range i.queue.shifts() {
			i.moved(in)
		}
		if pause(ctx, shiftEvery) != nil {
			return nil
		}
	}
}
