package instancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// firstTurn is how long something is built at least before it gives way to what waits and was built for less time. To
	// what has been built already it gives way after that time, so that of several long ones each gets ever longer turns.
	firstTurn = time.Minute
	// firstBuild is how long a build takes before any was seen, and realBuild that of one in which something was made.
	firstBuild, realBuild = 20 * time.Second, time.Second
)

// errGivesWay is the cause of a turn's end when others that wait are first; it gets another turn.
var errGivesWay = errors.New("it gives way to builds that took less time so far")

// turns decide what is built when: first what a start waits for, of that what was built for the least time so far, of
// that the challenge whose last turn is longest ago. Of one challenge it is one build at a time, and the last slot is
// for what is waited for. What takes long gives its slot back to others, so that nothing that ends can be held up by
// what never does.
type turns struct {
	limits func() (slots int, longest time.Duration) // 0: a build may take for ever
	first  time.Duration

	mu      sync.Mutex
	waiting []*turn // oldest first
	running []*turn
	last    map[string]int // challenge → number of its last turn, forgotten when there is nothing to build
	number  int
	typical time.Duration
	over    bool // run has ended
	wakeup  loop.Signal
}

// turn is one build on its way.
type turn struct {
	challenge, revision string
	// work may be begun again after its context ended with errGivesWay.
	work  func(ctx context.Context) error
	ended func(err error) // called once, with no lock held
	past  time.Duration   // that earlier tries of the same have taken

	asked  int           // starts that wait for it
	used   time.Duration // in turns that are over
	since  time.Time     // of the turn that goes on
	cancel context.CancelCauseFunc
	told   bool  // to end its turn
	gone   error // nobody wants it: why
}

func newTurns(limits func() (int, time.Duration)) *turns {
	return &turns{
		limits: limits, first: firstTurn, last: map[string]int{}, typical: firstBuild, wakeup: loop.NewSignal(),
	}
}

// add lets something wait for its turn.
func (t *turns) add(one *turn) {
	t.mu.Lock()
	over := t.over
	if !over {
		t.waiting = append(t.waiting, one)
	}
	t.mu.Unlock()
	if t.wakeup.Send(); over {
		one.ended(errShutdown)
	}
}

// ask counts the starts that wait for something.
func (t *turns) ask(one *turn, more int) {
	t.mu.Lock()
	one.asked += more
	t.mu.Unlock()
	t.wakeup.Send()
}

// drop ends what nobody wants any more.
func (t *turns) drop(unwanted func(*turn) bool, cause error) {
	t.mu.Lock()
	var gone []*turn
	t.waiting = slices.DeleteFunc(t.waiting, func(one *turn) bool {
		if unwanted(one) {
			gone = append(gone, one)
			return true
		}
		return false
	})
	for _, one := range t.running {
		if unwanted(one) {
			one.gone = cause
			one.cancel(cause)
		}
	}
	t.mu.Unlock()
	for _, one := range gone {
		one.ended(cause)
	}
}

// run gives out turns until ctx ends; what is not over then ends with errShutdown.
func (t *turns) run(ctx context.Context) error {
	var running sync.WaitGroup
	for {
		one, work, wait := t.next(ctx)
		if one != nil {
			running.Go(func() { t.take(ctx, work, one) })
			continue
		}
		if t.wakeup.Wait(ctx, wait) != nil {
			break
		}
	}
	running.Wait()
	t.mu.Lock()
	t.over = true
	left := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, one := range left {
		one.ended(errShutdown)
	}
	return nil
}

// take is one turn. Its end is that of the work, unless it gives way.
func (t *turns) take(ctx, work context.Context, one *turn) {
	err := one.try(work)
	cause := context.Cause(work)
	t.mu.Lock()
	cancel, gone := one.cancel, one.gone
	t.running = slices.DeleteFunc(t.running, func(r *turn) bool { return r == one })
	one.used += time.Since(one.since)
	one.since = time.Time{}
	again := err != nil && gone == nil && ctx.Err() == nil && errors.Is(cause, errGivesWay)
	if again {
		one.told = false
		t.waiting = append(t.waiting, one)
	} else if err == nil && one.used > realBuild {
		t.typical = (weight*t.typical + one.used) / (weight + 1)
	}
	if len(t.waiting)+len(t.running) == 0 {
		clear(t.last)
	}
	t.mu.Unlock()
	cancel(nil)
	t.wakeup.Send()
	switch {
	case again:
	case gone != nil:
		one.ended(gone)
	case err != nil && ctx.Err() != nil:
		one.ended(errShutdown)
	case err != nil && cause != nil:
		one.ended(cause)
	default:
		one.ended(err)
	}
}

// try does the work; a panic is its failure.
func (one *turn) try(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("build of %s panicked: %v\n%s", one.challenge, r, debug.Stack())
		}
	}()
	return one.work(ctx)
}

// next is the turn that may begin now, with the context of its work; nil: there is none before something changes, or so
// much time has passed.
func (t *turns) next(ctx context.Context) (_ *turn, work context.Context, wait time.Duration) {
	slots, longest := t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	wait = time.Hour
	if ctx.Err() != nil {
		return nil, nil, wait
	}
	for _, r := range t.running {
		if left := longest - r.time(now); longest > 0 && left <= 0 {
			r.cancel(buildTimeout(longest))
		} else if longest > 0 {
			wait = min(wait, left)
		}
	}
	for _, one := range t.order() {
		if t.builds(one.challenge) {
			continue
		}
		if t.room(one, slots) {
			t.waiting = slices.DeleteFunc(t.waiting, func(w *turn) bool { return w == one })
			t.running = append(t.running, one)
			t.number++
			t.last[one.challenge] = t.number
			one.since = now
			work, one.cancel = context.WithCancelCause(ctx)
			return one, work, 0
		}
		if left, found := t.makeRoom(one, now); found {
			wait = min(wait, left)
		}
	}
	return nil, nil, wait
}

// order is that of what waits.
func (t *turns) order() []*turn {
	ordered := slices.Clone(t.waiting)
	slices.SortStableFunc(ordered, func(a, b *turn) int {
		return cmp.Or(
			cmp.Compare(b.class(), a.class()), cmp.Compare(a.used+a.past, b.used+b.past),
			cmp.Compare(t.last[a.challenge], t.last[b.challenge]),
		)
	})
	return ordered
}

// class is 1 for what is waited for.
func (one *turn) class() int { return min(one.asked, 1) }

// time is how long something has been built in all.
func (one *turn) time(now time.Time) time.Duration {
	if one.since.IsZero() {
		return one.used
	}
	return one.used + now.Sub(one.since)
}

func (t *turns) builds(challenge string) bool {
	return slices.ContainsFunc(t.running, func(r *turn) bool { return r.challenge == challenge })
}

// room says whether there is a slot: the last one is kept for what is waited for.
func (t *turns) room(one *turn, slots int) bool {
	idle := 0
	for _, r := range t.running {
		idle += 1 - r.class()
	}
	return len(t.running) < slots && (one.asked > 0 || idle < max(1, slots-1))
}

// makeRoom tells what has had its turn, and comes after one that waits, to give way; or says in which time it will.
func (t *turns) makeRoom(one *turn, now time.Time) (left time.Duration, found bool) {
	var longest *turn
	for _, r := range t.running {
		if r.told {
			return 0, false // a slot is about to be free
		}
		rest := max(t.first, one.used+one.past) - now.Sub(r.since)
		switch {
		case r.class() > one.class():
			continue
		case r.class() == one.class(): // it has to have taken more
			rest = max(rest, one.used+one.past-r.time(now)-r.past+1)
		}
		if rest > 0 {
			if !found || rest < left {
				left, found = rest, true
			}
		} else if longest == nil || r.time(now) > longest.time(now) {
			longest = r
		}
	}
	if longest != nil {
		longest.told = true
		longest.cancel(errGivesWay)
		return 0, false
	}
	return left, found
}

// buildTimeout is the end of what may not take any longer.
func buildTimeout(longest time.Duration) *whaley.Error {
	return whaley.Errorf(
		whaley.Unavailable, "build_timeout",
		"The challenge's images were not built within %s. Tell an organiser: the build's log says how far it got, "+
			"and BUILD_TIMEOUT is how long it may take.", longest,
	)
}

// left is about how long it takes until something is built: what takes longer than usual will take as long again.
func (t *turns) left(one *turn) time.Duration {
	slots, longest := t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	rest := func(one *turn) time.Duration {
		used := one.time(now)
		left := max(t.typical-used, used)
		if longest > 0 {
			left = min(left, max(0, longest-used))
		}
		return left
	}
	if slices.Contains(t.running, one) {
		return rest(one)
	}
	free := slots > len(t.running)
	until, before := time.Duration(0), 0
	for n, r := range t.running {
		// It ends, or its turn does.
		if left := min(rest(r), max(0, max(t.first, one.used+one.past)-now.Sub(r.since))); n == 0 || left < until {
			until = left
		}
	}
	for _, w := range t.order() {
		if w == one {
			break
		}
		before++
	}
	if free && before == 0 {
		until = 0
	}
	return until + time.Duration(before/max(1, slots))*t.typical + rest(one)
}
