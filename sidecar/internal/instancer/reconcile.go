package instancer

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lookAgain is how soon after something was left undone everything is looked at again; it doubles while that fails.
const lookAgain = time.Second

// reconcileLoop compares what should be with what is: at once, then every ReconcileEvery, sooner after a failure.
func (i *Instancer) reconcileLoop(ctx context.Context) error {
	retry := loop.Backoff{First: lookAgain, Most: i.opts.ReconcileEvery}
	began, first := time.Now(), true
	for {
		wait := i.opts.ReconcileEvery
		if err := i.Reconcile(ctx); err != nil && ctx.Err() == nil {
			wait = retry.Next()
			i.Log.Error("reconcile failed", "err", err, "again_in", wait)
		} else {
			retry.Reset()
			if first && ctx.Err() == nil {
				i.Log.Info("startup reconcile finished", "took", time.Since(began))
				first = false
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-i.undone:
			if loop.Sleep(ctx, lookAgain) != nil {
				return nil
			}
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// leftUndone says that a job could not finish what the row asks for, so that the reconciler looks soon.
func (i *Instancer) leftUndone() { i.undone.Send() }

// Reconcile looks at every row and every object of ours once: adopts what runs, goes on with what was half made or
// half removed, ends what lost its containers, removes what no row asks for, and schedules expiries.
func (i *Instancer) Reconcile(ctx context.Context) error {
	// Rows come before objects and reservations in a spawn, so they are read after them here: whatever has no live
	// row now had none when it was listed.
	objects, err := i.Platform.List(ctx, "")
	if err != nil {
		return err
	}
	reserved, err := i.Platform.Reserved(ctx)
	if err != nil {
		return err
	}
	// Before the instances: what is claimed meanwhile is among one of them, or both.
	ahead, err := i.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	rows, err := i.Store.Live(ctx, "")
	if err != nil {
		return err
	}
	i.forgetGone(rows)
	byInstance := map[string][]Object{}
	for _, o := range objects {
		byInstance[o.Labels.Instance] = append(byInstance[o.Labels.Instance], o)
	}
	live := map[string]bool{}
	for _, w := range ahead {
		live[w.ID] = true
		i.settleWaiting(ctx, w, byInstance[w.ID])
	}
	for _, in := range rows {
		live[in.ID] = true
		i.settle(in, byInstance[in.ID])
	}
	orphans := map[string]bool{}
	for id, objects := range byInstance {
		if live[id] || i.Busy(id) {
			continue
		}
		orphans[id] = true
		i.Log.Info("removing leftovers of an unknown instance", "instance", id, "objects", len(objects))
		for _, o := range objects {
			i.Observer.Leaked(o.Kind)
		}
	}
	for _, id := range reserved {
		if !live[id] && !i.Busy(id) {
			orphans[id] = true
		}
	}
	if err := i.Platform.Tidy(ctx, slices.Sorted(maps.Keys(orphans)), i.everybodys); err != nil {
		return err
	}
	i.hub.notifyAll() // what was written although the answer was lost was told to no one
	return i.Republish(ctx)
}

// everybodys are all that may do what instances do: those that live, and those that run ahead of their owners.
func (i *Instancer) everybodys(ctx context.Context) ([]*whaley.Instance, error) {
	ahead, err := i.Store.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	all, err := i.Store.Live(ctx, "")
	for _, w := range ahead {
		if w.Warm && !slices.ContainsFunc(all, func(in *whaley.Instance) bool { return in.ID == w.ID }) {
			all = append(all, w.Instance())
		}
	}
	return all, err
}

// settle brings one live row and its objects together. The job on an instance, if there is one, knows better.
func (i *Instancer) settle(in *whaley.Instance, objects []Object) {
	if i.Busy(in.ID) {
		return
	}
	switch in.State {
	case whaley.Queued, whaley.Starting:
		i.enqueue(in, "")
	case whaley.Stopping:
		i.takeDown(in)
	case whaley.Sleeping:
		i.settleSleep(in, objects)
	case whaley.Running:
		if missing(in, objects, nil) != "" || stoppedShort(in, objects) {
			i.looks.hint(in.ID) // it may have become running after the objects were listed
			return
		}
	}
}

// verify stops an instance if a fresh look shows that it runs no more. It says whether the instance still runs, and
// after which time it is to be looked at again; 0: that is up to others.
func (i *Instancer) verify(ctx context.Context, id string) (runs bool, again time.Duration) {
	in, err := i.Store.Get(ctx, id)
	if whaley.CodeOf(err) == whaley.CodeInstanceNotFound {
		i.verifyWaiting(ctx, id)
		return false, 0
	}
	if err != nil {
		return true, 0 // the reconciler will see
	}
	if !in.State.Timed() {
		return false, 0
	}
	objects, err := i.Platform.List(ctx, id)
	if err != nil {
		i.Log.Error("instance not verified", "instance", id, "err", err)
		return true, 0
	}
	if in.State == whaley.Sleeping {
		return i.verifySleep(ctx, in, objects), 0
	}
	alive, again := i.revive(ctx, in, objects)
	dead := missing(in, objects, alive)
	if dead == "" {
		return true, again
	}
	i.Log.Warn("instance lost a container", "instance", id, "service", dead)
	if _, err := i.stop(ctx, in, whaley.CauseLost); err != nil {
		i.Log.Error("lost instance not stopped", "instance", id, "err", err)
	}
	return false, 0
}

// stoppedShort says whether a service has ended that is to be started again.
func stoppedShort(in *whaley.Instance, objects []Object) bool {
	return slices.ContainsFunc(objects, func(o Object) bool {
		return o.Kind == "container" && !o.Running && in.Terms.Restarts[o.Labels.Service] != nil
	})
}

// missing names a service that a running instance cannot do without and that does not run, or is empty. Those in alive
// count as running. None can do without one that was lost.
func missing(in *whaley.Instance, objects []Object, alive map[string]bool) string {
	running := map[string]bool{}
	maps.Copy(running, alive)
	for _, o := range objects {
		if o.Lost {
			return o.Labels.Service
		}
		if o.Kind == "container" && o.Running {
			running[o.Labels.Service] = true
		}
	}
	for service := range in.Addresses {
		if !running[service] && essential(in, service) {
			return service
		}
	}
	return ""
}

// essential says whether an instance is of use without a service: routes lead to it, or others wait for it to run.
func essential(in *whaley.Instance, service string) bool {
	if slices.ContainsFunc(in.Routes, func(r whaley.Route) bool { return r.Service == service }) {
		return true
	}
	return slices.Contains(in.Terms.Needed, service)
}

// exitLoop acts on containers that end by themselves. The engine's events are hints: each is checked against the row
// and the engine before anything is done.
func (i *Instancer) exitLoop(ctx context.Context) error {
	for exit := range i.Platform.Exits(ctx) {
		if exit.Instance == "" {
			if err := i.Reconcile(ctx); err != nil && ctx.Err() == nil {
				i.Log.Error("reconcile failed", "err", err)
			}
			continue
		}
		i.looks.hint(exit.Instance)
	}
	return nil
}
