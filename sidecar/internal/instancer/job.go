package instancer

import (
	"context"
	"fmt"
	"runtime/debug"
)

// job is the one piece of work on an instance at a time in this process.
type job struct {
	cancel context.CancelCauseFunc
	done   chan struct{}
	stops  bool   // takes the instance down: never given up for another job
	hinted bool   // a container of the instance ended meanwhile
	then   func() // is called when the job is over
}

// start runs work on an instance unless a job is on it already or Run has ended; a panic ends only the job.
func (i *Instancer) start(id string, stops bool, work func(ctx context.Context)) (*job, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if j, busy := i.jobs[id]; busy {
		return j, false
	}
	if i.base.Err() != nil {
		return nil, false
	}
	ctx, cancel := context.WithCancelCause(i.base)
	j := &job{cancel: cancel, done: make(chan struct{}), stops: stops}
	i.jobs[id] = j
	i.running.Add(1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				i.Log.Error("job panicked", "instance", id, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			}
			cancel(nil)
			i.mu.Lock()
			delete(i.jobs, id)
			hinted, then := j.hinted && !j.stops, j.then
			i.mu.Unlock()
			close(j.done)
			if hinted {
				i.looks.hint(id)
			}
			if then != nil {
				then()
			}
			i.running.Done()
		}()
		work(ctx)
	}()
	return j, true
}

// replace cancels the job on an instance, waits for its end, and starts another.
func (i *Instancer) replace(id string, cause error, stops bool, work func(ctx context.Context)) {
	for {
		j, started := i.start(id, stops, work)
		if started || j == nil || j.stops {
			return
		}
		j.cancel(cause)
		<-j.done
	}
}

// Busy says whether a job is on an instance in this process.
func (i *Instancer) Busy(id string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, busy := i.jobs[id]
	return busy
}

// afterJob does something now, or when the job on an instance is over.
func (i *Instancer) afterJob(id string, do func()) {
	i.mu.Lock()
	if j := i.jobs[id]; j != nil {
		j.then = do
		i.mu.Unlock()
		return
	}
	i.mu.Unlock()
	do()
}

// then has something done when the job on an instance is over.
func (i *Instancer) then(id string, do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if j := i.jobs[id]; j != nil {
		j.then = do
	}
}
