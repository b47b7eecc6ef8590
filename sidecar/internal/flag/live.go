package flag

import (
	"context"
	"slices"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// waiting remembers which current flags are in CTFd, as far as this process has seen, and wakes who waits for that.
type waiting struct {
	mu      sync.Mutex
	changed chan struct{} // closed and made anew when a registration gets another state
}

func newWaiting() waiting { return waiting{changed: make(chan struct{})} }

func (w *waiting) notify() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *waiting) watch() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// OnChange names who is told of owners whose flags got another state in CTFd; before Run. It must not block.
func (f *Flags) OnChange(told func(owner string)) { f.told = told }

// AwaitLive returns once CTFd knows an owner's flags, or it is clear that it will not soon, or when ctx ends.
func (f *Flags) AwaitLive(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) {
	if f.ctfd == nil {
		return
	}
	for {
		changed := f.live.watch()
		current, err := f.store.CurrentFlags(ctx, owner.ID, ch.ID)
		waits := func(one *whaley.IssuedFlag) bool { return StateOf(one) == whaley.FlagPending && !tried(one) }
		if err != nil || f.down.Load() || !slices.ContainsFunc(current, waits) {
			return
		}
		f.kick.Send() // it may have become the owner's with an instance that was made ahead
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// States says for each challenge that an owner has flags of whether CTFd knows them: what is true of the worst.
func (f *Flags) States(ctx context.Context, owner string) (map[string]whaley.FlagState, error) {
	all, err := f.store.CurrentFlags(ctx, owner, "")
	states := map[string]whaley.FlagState{}
	for _, current := range all {
		state, before := StateOf(current), states[current.Challenge]
		if slices.Index(worst, state) > slices.Index(worst, before) {
			states[current.Challenge] = state
		}
	}
	return states, err
}

// worst orders states: the last is what a challenge with several flags shows.
var worst = []whaley.FlagState{
	whaley.FlagNone, whaley.FlagLive, whaley.FlagLocal, whaley.FlagPending, whaley.FlagFailed,
}

// StateOf is the best that is true of a flag in any challenge of CTFd.
func StateOf(f *whaley.IssuedFlag) whaley.FlagState {
	state := whaley.FlagLocal
	for _, r := range f.Registrations {
		switch r.State {
		case whaley.RegistrationLive:
			return whaley.FlagLive
		case whaley.RegistrationPending:
			state = whaley.FlagPending
		case whaley.RegistrationFailed:
			if state == whaley.FlagLocal {
				state = whaley.FlagFailed
			}
		}
	}
	return state
}

// tried says whether registering a flag was tried and did not succeed: waiting a moment more will not help.
func tried(f *whaley.IssuedFlag) bool {
	return slices.ContainsFunc(f.Registrations, func(r whaley.Registration) bool { return r.Tries > 0 })
}
