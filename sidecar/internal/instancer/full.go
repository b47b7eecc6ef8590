package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// fullFor is how long nothing is made ahead after a start has found no room.
const fullFor = time.Minute

// full says that starts find no room, so nothing is to be made ahead for a while.
func (w *waiting) full() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fullUntil = time.Now().Add(fullFor)
}

func (w *waiting) isFull() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.fullUntil)
}

// makeRoom has one that waits for an owner give way to a start that finds no room, the one that was made last.
func (i *Instancer) makeRoom(ctx context.Context, in *whaley.Instance) {
	i.setStage(in, "Waiting for room: all machines are full at the moment")
	i.waiting.full()
	i.waiting.room.Lock()
	defer i.waiting.room.Unlock()
	all, err := i.Store.Waiting(ctx)
	if err != nil {
		return // it is tried again as long as there is no room
	}
	for n := len(all) - 1; n >= 0; n-- {
		if all[n].State != whaley.WaitingReady {
			continue
		}
		if err := i.removeWaiting(context.WithoutCancel(ctx), all[n]); err != nil {
			i.Log.WarnContext(ctx, "what waits did not give way", "instance", all[n].ID, "err", err)
		}
		return
	}
}

// verifyWaiting gives up what was made ahead and has lost a container.
func (i *Instancer) verifyWaiting(ctx context.Context, id string) {
	all, err := i.Store.Waiting(ctx)
	if err != nil {
		return // the reconciler will see
	}
	for _, w := range all {
		if w.ID != id {
			continue
		}
		if objects, err := i.Platform.List(ctx, id); err == nil {
			i.settleWaiting(ctx, w, objects)
		}
	}
}
