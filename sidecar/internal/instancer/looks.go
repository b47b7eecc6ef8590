package instancer

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// lookSlots is how many instances are looked at at the same time.
	lookSlots = 8
	// lookPause is the least time between two looks at one instance, whatever its containers do.
	lookPause = 100 * time.Millisecond
)

// hintLooks are the pauses before the looks that follow a hint: the engine may tell of an end before its own list does.
var hintLooks = []time.Duration{0, 100 * time.Millisecond, time.Second, 5 * time.Second}

// looks are the instances that are to be looked at. However many hints come of one instance, one look at it waits at
// the most, and one is under way.
type looks struct {
	waiting *schedule

	mu sync.Mutex
	of map[string]*looked
}

// looked is what is remembered of one instance between two looks.
type looked struct {
	step     int                 // of hintLooks, taken since the last hint
	again    time.Time           // while it is looked at: when the next look is wanted; zero: there was no hint
	under    bool                // it is being looked at
	last     time.Time           // when the last look was over
	restarts map[string]restarts // service → how often it was started again
}

func newLooks() *looks { return &looks{waiting: newSchedule(), of: map[string]*looked{}} }

// hint asks for a look now, and for those after it.
func (l *looks) hint(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.get(id).step = 0
	l.want(id, time.Now())
}

func (l *looks) get(id string) *looked {
	if l.of[id] == nil {
		l.of[id] = &looked{}
	}
	return l.of[id]
}

// want puts a look at its time; l.mu is held.
func (l *looks) want(id string, at time.Time) {
	of := l.get(id)
	if !of.under {
		l.waiting.sooner(id, later(at, of.last.Add(lookPause)))
	} else if of.again.IsZero() || at.Before(of.again) {
		of.again = at
	}
}

// next waits for an instance whose look is due, and marks it as being looked at; false: ctx has ended.
func (l *looks) next(ctx context.Context) (string, bool) {
	for ctx.Err() == nil {
		id, wait, found := l.waiting.first(time.Now())
		if found {
			l.mu.Lock()
			l.get(id).under = true
			l.mu.Unlock()
			l.waiting.earlier.Send() // another may be due, and whoever waits was woken for one
			return id, true
		}
		_ = l.waiting.earlier.Wait(ctx, wait)
	}
	return "", false
}

// done ends a look at an instance that lives on or not. One that does is looked at again after a pause, if there is one
// (0: none), and as the last hint asks for.
func (l *looks) done(id string, lives bool, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[id]
	if of == nil {
		return
	}
	now, hinted := time.Now(), of.again
	of.under, of.last, of.again = false, now, time.Time{}
	if !lives && hinted.IsZero() {
		delete(l.of, id)
		return
	}
	if !hinted.IsZero() {
		l.want(id, hinted)
		return
	}
	if of.step++; of.step < len(hintLooks) {
		l.want(id, now.Add(hintLooks[of.step]))
	}
	if pause > 0 {
		l.want(id, now.Add(pause))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// restarted is how often a service was started again; change makes that another.
func (l *looks) restarted(id, service string, change func(restarts) restarts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.get(id)
	if of.restarts == nil {
		of.restarts = map[string]restarts{}
	}
	of.restarts[service] = change(of.restarts[service])
}

// forget is for an instance that is gone.
func (l *looks) forget(id string) {
	l.waiting.drop(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if of := l.of[id]; of != nil && !of.under {
		delete(l.of, id)
	}
}

// keep forgets all instances that live no more.
func (l *looks) keep(live func(id string) bool) {
	l.waiting.keep(live)
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, of := range l.of {
		if !of.under && !live(id) {
			delete(l.of, id)
		}
	}
}

// lookLoop looks at one instance after the other until ctx ends. A panic ends only that look.
func (i *Instancer) lookLoop(ctx context.Context) error {
	for {
		id, due := i.looks.next(ctx)
		if !due {
			return nil
		}
		i.look(ctx, id)
	}
}

func (i *Instancer) look(ctx context.Context, id string) {
	lives, pause := false, time.Duration(0)
	defer func() {
		if r := recover(); r != nil {
			i.Log.Error("look at an instance panicked", "instance", id, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
		i.looks.done(id, lives, pause)
	}()
	if i.lookAfterJob(id) {
		return
	}
	lives, pause = i.verify(ctx, id)
}

// lookAfterJob says whether a job is on an instance. Then it is looked at when that ends.
func (i *Instancer) lookAfterJob(id string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	j := i.jobs[id]
	if j != nil {
		j.hinted = true
	}
	return j != nil
}
