// Package turn lets those who come from one address wait for each other instead of everybody waiting for them. It is
// interpreted by Yaegi.
//
// What one address has done at the same time is bounded, the rest stands in line. While a line stands, each piece of
// work is followed by a rest as long as it took: so an address, however many requests it sends, gets at most half of
// the processors that its width would take, and the others' requests meet a short queue. Who comes one at a time never
// waits.
package turn

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

const (
	// longest is how long a turn is held unless it is said otherwise: what takes longer waits for something else, and
	// computes nothing.
	longest    = 20 * time.Millisecond
	maxWaiting = 1024 // in one line
	// refusal is how long whoever finds a line full waits to be told so, as many of them as maxRefused: one who tries
	// again at once would otherwise cost more than one who stands in line.
	refusal    = 5 * time.Second
	maxRefused = 4096
	bits6      = 64 // of IPv6: who has one address has all of these
)

// ErrFull means that more wait than the line has room for.
var ErrFull = errors.New("too many of this address wait already")

// Turns are taken by address. Their methods are safe for concurrent use.
type Turns struct {
	width   int
	longest time.Duration // that one is held
	rest    time.Duration // the least that follows one while a line stands

	mu    sync.Mutex
	lines map[string]*line
}

// line is of one address.
type line struct {
	busy    int // turns that are held, or rest
	waiting []*waiter
	gone    int // of those, that wait no more
	refused int // who wait to be told that it is full
}

type waiter struct {
	grant   context.CancelFunc
	granted bool
	gone    bool
}

// processorsEach is how many processors there are for each turn of an address.
const processorsEach = 4

// New makes turns of which one address has so many at the same time; 0: one for each four processors.
func New(width int) *Turns { return Lasting(width, longest) }

// Lasting makes turns that end by themselves after so long.
func Lasting(width int, longest time.Duration) *Turns { return Resting(width, longest, 0) }

// Resting makes such turns each of which is followed by a rest of at least so long while others wait: so many there are in a
// second, however short each is.
func Resting(width int, longest, rest time.Duration) *Turns {
	if width == 0 {
		width = (runtime.GOMAXPROCS(0) + processorsEach - 1) / processorsEach
	}
	return &Turns{width: width, longest: longest, rest: rest, lines: map[string]*line{}}
}

// Of is whom an address counts for.
func Of(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(bits6); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}

// Take waits for a turn. It has to be ended, which may be done more than once, and ends by itself when it takes long.
// The error is ErrFull, after a while, or why ctx ended.
func (t *Turns) Take(ctx context.Context, who string) (end func(), err error) {
	t.mu.Lock()
	l := t.lines[who]
	if l == nil {
		l = &line{}
		t.lines[who] = l
	}
	if l.busy < t.width {
		l.busy++
		t.mu.Unlock()
		return t.begin(who, l), nil
	}
	if len(l.waiting)-l.gone >= maxWaiting {
		slow := l.refused < maxRefused
		if slow {
			l.refused++
		}
		t.mu.Unlock()
		if slow {
			t.refuse(ctx, l)
		}
		return nil, ErrFull
	}
	// A turn is given by ending a context: interpreted, a select would be shared by all who run it.
	mine, grant := context.WithCancel(ctx)
	w := &waiter{grant: grant}
	l.waiting = append(l.waiting, w)
	t.mu.Unlock()
	<-mine.Done()
	grant()
	t.mu.Lock()
	granted := w.granted
	if !granted {
		w.gone = true
		l.gone++
	}
	t.mu.Unlock()
	if !granted {
		return nil, ctx.Err()
	}
	return t.begin(who, l), nil
}

// refuse waits before somebody is told that a line is full.
func (t *Turns) refuse(ctx context.Context, l *line) {
	late, cancel := context.WithTimeout(ctx, refusal)
	<-late.Done()
	cancel()
	t.mu.Lock()
	l.refused--
	t.mu.Unlock()
}

func (t *Turns) begin(who string, l *line) func() {
	began := time.Now()
	var once sync.Once
	finish := func() { once.Do(func() { t.finish(who, l, time.Since(began)) }) }
	late := time.AfterFunc(t.longest, finish)
	return func() {
		late.Stop()
		finish()
	}
}

// finish lets the next one have the turn after a rest, if anybody waits.
func (t *Turns) finish(who string, l *line, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(l.waiting) == l.gone {
		t.leave(who, l)
		return
	}
	if took > t.longest {
		took = t.longest
	}
	if took < t.rest {
		took = t.rest
	}
	time.AfterFunc(took, func() { t.next(who, l) })
}

func (t *Turns) next(who string, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(l.waiting) > 0 {
		w := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		if !w.gone {
			w.granted = true
			w.grant()
			return
		}
		l.gone--
	}
	t.leave(who, l)
}

// leave gives a turn back that nobody wants.
func (t *Turns) leave(who string, l *line) {
	l.busy--
	if l.busy == 0 {
		delete(t.lines, who)
	}
}
