package instancer

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	waitingEvery = 10 * time.Second // between two looks at what waits; whoever claims brings the next forward
	// Demand is what was asked for lately: the starts of the last minute, or as many as two minutes bring on average.
	demandFor   = 10 * time.Minute
	demandAhead = 2 * time.Minute
	demandNow   = time.Minute
	// waitingBytes is what a service that waits takes: the guest, and the engine's own process for its container.
	waitingBytes = 8 << 20

	leaveFirst = 10 * time.Second // how long a challenge is left alone that could not be made ahead; it doubles
	leaveLast  = 5 * time.Minute
)

// waiting is what this process knows of instances that are made ahead of their owners. What there is of them is in
// rows.
type waiting struct {
	kick     loop.Signal  // one is missing
	kickWarm loop.Signal  // one may be missing that is warm
	claiming atomic.Int32 // how many are becoming their owners' now
	room     sync.Mutex   // one after the other gives way

	mu        sync.Mutex
	fullUntil time.Time              // nothing is made before
	starts    map[string][]time.Time // challenge → when its instances were asked for
	ready     map[string]int         // challenge → how many there were at their gates at the last look
	warm      map[string]int         // challenge → how many there were that run
	mine      map[string]*build      // made by this process, of these images
	failed    map[string]failedWait  // form → when it could not be made
}

// failedWait is how often something could not be made ahead, and until when it is not tried.
type failedWait struct {
	count int
	until time.Time
}

func newWaiting() *waiting {
	return &waiting{
		kick: loop.NewSignal(), kickWarm: loop.NewSignal(), starts: map[string][]time.Time{}, ready: map[string]int{}, mine: map[string]*build{},
		failed: map[string]failedWait{},
	}
}

// Waiting is how many instances of each challenge were ready for their owners at the last look.
func (i *Instancer) Waiting() map[string]int {
	i.waiting.mu.Lock()
	defer i.waiting.mu.Unlock()
	return maps.Clone(i.waiting.ready)
}

// Warm is how many instances of each challenge ran ahead of their owners at the last look.
func (i *Instancer) Warm() map[string]int {
	i.waiting.mu.Lock()
	defer i.waiting.mu.Unlock()
	return maps.Clone(i.waiting.warm)
}

// asked counts a start as demand.
func (w *waiting) asked(challenge string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starts[challenge] = append(w.starts[challenge], time.Now())
}

// leave has what is of a form left alone for a while.
func (w *waiting) leave(form string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := w.failed[form].count
	w.failed[form] = failedWait{count + 1, time.Now().Add(loop.Doubled(leaveFirst, leaveLast, count))}
}

func (w *waiting) leftAlone(form string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.failed[form].until)
}

// made remembers what one was made of.
func (w *waiting) made(one *whaley.Waiting, of *build) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mine[one.ID] = of
	delete(w.failed, one.Form)
}

func (w *waiting) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mine, id)
}

// isOf says whether one was made of these images: they may have been built again under the same names. Of what an
// earlier process made that is not known.
func (w *waiting) isOf(id string, b *build) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.mine[id]
	return of == nil || of == b
}

// countWaiting remembers what there is.
func (i *Instancer) countWaiting(all []*whaley.Waiting) {
	i.waiting.mu.Lock()
	defer i.waiting.mu.Unlock()
	ready, warm, there := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, w := range all {
		switch there[w.ID] = true; {
		case w.State != whaley.WaitingReady:
		case w.Warm:
			warm[w.Challenge]++
		default:
			ready[w.Challenge]++
		}
	}
	i.waiting.ready, i.waiting.warm = ready, warm
	maps.DeleteFunc(i.waiting.mine, func(id string, _ *build) bool { return !there[id] })
}

// look has it looked at once whether one is missing.
func (w *waiting) look() {
	w.kick.Send()
	w.kickWarm.Send()
}

// demand is how many of a challenge would be asked for soon, of none one.
func (w *waiting) demand(challenge string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, late := time.Now(), 0
	var lately []time.Time
	for _, at := range w.starts[challenge] {
		if now.Sub(at) < demandFor {
			lately = append(lately, at)
		}
		if now.Sub(at) < demandNow {
			late++
		}
	}
	if w.starts[challenge] = lately; len(lately) == 0 {
		delete(w.starts, challenge)
	}
	return max(1, late, len(lately)*int(demandAhead/time.Second)/int(demandFor/time.Second)+1)
}

// settleWaiting gives up what is ready and whose containers are not all there. What is being made is its maker's
// affair.
func (i *Instancer) settleWaiting(ctx context.Context, w *whaley.Waiting, objects []Object) {
	if w.Warm {
		i.settleWarm(ctx, w, objects)
		return
	}
	there := 0
	for _, o := range objects {
		if o.Kind == "container" && o.Waiting {
			there++
		}
	}
	if w.State != whaley.WaitingReady || there == w.Services {
		return
	}
	i.giveUp(ctx, w)
}

// giveUp has one removed that has lost a container.
func (i *Instancer) giveUp(ctx context.Context, w *whaley.Waiting) {
	i.Log.WarnContext(ctx, "what was made ahead has lost a container", "instance", w.ID, "challenge", w.Challenge)
	if _, err := i.Store.MoveWaiting(ctx, w, whaley.WaitingGone); err != nil {
		i.Log.ErrorContext(ctx, "what waited not given up", "instance", w.ID, "err", err)
	}
	i.waiting.look()
}
