package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	leaseFor   = 30 * time.Second       // after the death of a sidecar, others may go on with its work
	leaseRenew = 10 * time.Second       // while work goes on
	leaseTry   = 250 * time.Millisecond // between two tries to take over what is to be stopped
)

// errLeaseLost is the cause of a job's end when another sidecar has taken over: this one was away for too long.
var errLeaseLost = whaley.Errorf(whaley.Unavailable, whaley.CodeLeaseLost, "Another sidecar goes on with this instance.")

// leased does work on an instance while this sidecar holds its lease, and nothing if another one does. With wait it
// tries until it has it, for as long as the instance is to be stopped: the other one will let go.
func (i *Instancer) leased(ctx context.Context, id string, wait bool, work func(ctx context.Context)) {
	for {
		mine, err := i.Store.Claim(ctx, id, i.opts.Worker, leaseFor)
		if err != nil {
			i.Log.Error("lease not claimed, the reconciler goes on", "instance", id, "err", err)
			i.leftUndone()
			return
		}
		if mine {
			break
		}
		if !wait {
			i.lookLater(leaseFor) // by then it is done, or whoever has the lease is dead
			return
		}
		if pause(ctx, leaseTry) != nil {
			return
		}
		if in, err := i.Store.Get(ctx, id); err != nil || in.State != whaley.Stopping {
			return
		}
	}
	held, lose := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.renew(held, id, lose)
	}()
	work(held)
	lose(nil)
	<-done
	// Should this not succeed, the lease ends by itself.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenew)
	defer cancel()
	if err := i.Store.Yield(end, id, i.opts.Worker); err != nil {
		i.Log.Warn("lease not given back", "instance", id, "err", err)
	}
}

// renew keeps a lease until ctx ends, and ends the work when it is lost, at the latest when it may have been.
func (i *Instancer) renew(ctx context.Context, id string, lose context.CancelCauseFunc) {
	until := time.Now().Add(leaseFor)
	for pause(ctx, leaseRenew) == nil {
		asked := time.Now()
		mine, err := i.Store.Claim(ctx, id, i.opts.Worker, leaseFor)
		switch {
		case err == nil && mine:
			until = asked.Add(leaseFor)
		case err == nil || time.Until(until) < leaseRenew:
			i.Log.Warn("lease lost", "instance", id, "err", err)
			lose(errLeaseLost)
			return
		}
	}
}

// hearLoop acts on what other sidecars changed: wakes who waits here, gives up work on what is to be stopped, and
// schedules expiries. A Change without an instance is about all of an owner's; without either, some may have been missed.
func (i *Instancer) hearLoop(ctx context.Context) error {
	changes := i.Store.Changes(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case change, open := <-changes:
			if !open {
				return nil
			}
			if change.Instance == "" {
				if change.Owner == "" {
					i.hub.notifyAll()
				} else {
					i.OwnerChanged(change.Owner)
				}
				continue
			}
			i.receiveProgress(change)
			i.hub.notify(hostKey(change.Challenge, change.Slug), ownerKey(change.Owner))
			if change.State == whaley.Running || change.State == whaley.Stopping {
				i.heard.set(change.Instance, time.Now())
			}
		}
	}
}

// followLoop follows one change after the other. Many of one instance are one.
func (i *Instancer) followLoop(ctx context.Context) error {
	for {
		ids, _ := i.heard.due(time.Now())
		for _, id := range ids {
			i.follow(ctx, id)
		}
		select {
		case <-i.heard.earlier:
		case <-ctx.Done():
			return nil
		}
	}
}

// follow does what this sidecar has to do about an instance that another one changed.
func (i *Instancer) follow(ctx context.Context, id string) {
	in, err := i.Store.Get(ctx, id)
	if err != nil {
		return // the reconciler will see
	}
	switch {
	case in.State == whaley.Running:
		i.queue.drop(id)
		i.deadline.set(id, in.ExpiresAt)
	case in.State == whaley.Stopping && i.Busy(id):
		i.queue.drop(id)
		i.takeDown(in)
	}
}
