package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// position is how far an instance's start is.
type position struct {
	stage    string
	seq      int // changes with the stage
	turn     int // in the queue; 0: waits no more
	estimate time.Duration
}

// progressOf is how far an instance's start is.
func (i *Instancer) progressOf(id string) position {
	at := i.queue.places()[id]
	i.mu.Lock()
	defer i.mu.Unlock()
	p := i.progress[id]
	return position{stage: p.stage, seq: p.seq, turn: at.position, estimate: i.estimate(p, at)}
}

// estimate is about how long it is until a start begins that waits for its images, or for its turn.
func (i *Instancer) estimate(local progress, at place) time.Duration {
	if local.turn != nil {
		return i.images.turns.left(local.turn)
	}
	return at.wait
}

const shiftEvery = time.Second // at most this often those who wait are told of their places

// shiftLoop tells those who wait that they have other places. Each of them then asks for its own: with many who wait
// and many who start, telling each of each would be more work than the starts.
func (i *Instancer) shiftLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.queue.shift:
		}
		for _, in := range i.queue.shifts() {
			i.changed(in)
		}
		if loop.Sleep(ctx, shiftEvery) != nil {
			return nil
		}
	}
}
