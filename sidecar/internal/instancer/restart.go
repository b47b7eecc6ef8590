package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	firstRestart = 100 * time.Millisecond // before the first; doubles each time
	lastRestart  = time.Minute
	steady       = 10 * time.Second // whoever has run that long starts counting anew
)

// restarts are those of one service in a row. Memory only: another process starts counting anew.
type restarts struct {
	count int
	next  time.Time // not before
}

func restartPause(count int) time.Duration { return loop.Doubled(firstRestart, lastRestart, count) }

// revive starts the containers of a running instance that have ended and are to be started again, each after its
// pause. It returns the services that count as running meanwhile, and how long it is until the first of those pauses is
// over; 0: there is none. The engine does not do it by itself: after a restart of its own it would start containers
// before anything guards the pool.
func (i *Instancer) revive(
	ctx context.Context, in *whaley.Instance, objects []Object,
) (alive map[string]bool, first time.Duration) {
	alive = map[string]bool{}
	for _, o := range objects {
		policy := in.Terms.Restarts[o.Labels.Service]
		if o.Kind != "container" || o.Running || policy == nil {
			continue
		}
		wait, ok := i.restartDue(ctx, in, o, policy)
		if !ok {
			continue
		}
		if wait > 0 {
			alive[o.Labels.Service] = true
			if first == 0 || wait < first {
				first = wait
			}
			continue
		}
		i.Log.InfoContext(ctx, "starting a service again", "instance", in.ID, "service", o.Labels.Service)
		if err := i.Platform.StartService(ctx, o.ID); err != nil {
			i.Log.ErrorContext(ctx, "service not started again", "instance", in.ID, "service", o.Labels.Service, "err", err)
			continue
		}
		alive[o.Labels.Service] = true
		i.rejoin(ctx, in, objects, o.Labels.Service)
	}
	return alive, first
}

// rejoin starts those again that share the network of a service which has been: the network that they are in is no
// more.
func (i *Instancer) rejoin(ctx context.Context, in *whaley.Instance, objects []Object, service string) {
	for _, o := range objects {
		if o.Kind != "container" || !o.Running || in.Terms.Shares[o.Labels.Service] != service {
			continue
		}
		err := i.Platform.StopService(ctx, o.ID, in.Terms.Grace[o.Labels.Service])
		if err == nil {
			err = i.Platform.StartService(ctx, o.ID)
		}
		if err != nil {
			i.Log.ErrorContext(
				ctx, "service that shares a network not started again", "instance", in.ID, "service", o.Labels.Service, "err", err,
			)
		}
	}
}

// restartDue says whether a container may be started again, and after which pause. Without one it has been counted.
func (i *Instancer) restartDue(
	ctx context.Context, in *whaley.Instance, o Object, policy *whaley.Restart,
) (time.Duration, bool) {
	code := -1
	if policy.Failure {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var err error
		if code, err = i.Platform.Wait(ctx, o.ID); err != nil {
			return 0, false
		}
	}
	again := true
	var wait time.Duration
	i.looks.restarted(in.ID, o.Labels.Service, func(r restarts) restarts {
		now := time.Now()
		switch {
		case r.next.IsZero() || now.Sub(r.next) > steady:
			wait, again = firstRestart, policy.Again(code, 0)
			return restarts{next: now.Add(firstRestart)}
		case now.Before(r.next):
			wait, again = r.next.Sub(now), policy.Again(code, r.count)
			return r
		case !policy.Again(code, r.count):
			again = false
			return r
		}
		return restarts{count: r.count + 1, next: now.Add(restartPause(r.count + 1))}
	})
	return wait, again
}
