package instancer

import (
	"context"
	"errors"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Wake starts what a host stands for, if the asker owns it, and returns its view once that runs, failed or was
// refused, or as it is when ctx ends. Any number of calls at once make one instance.
func (i *Instancer) Wake(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	asked := false
	for {
		name, _ := host.Parse(q.Host, i.opts.BaseDomain)
		changed, done := i.hub.watch(hostKey(name.Challenge, name.Slug))
		view, err := i.Resolve(ctx, q)
		if err != nil || !view.Mine || view.Problem != nil || view.State == whaley.Running {
			done()
			return view, err
		}
		if view.State == whaley.Asleep && !asked {
			done()
			if !view.Wake {
				return refused(
					view, whaley.Errorf(whaley.Conflict, "wake_disabled", "This challenge is started from the dashboard only."),
				)
			}
			if err := i.spawnOrRouse(ctx, q.Player, view); err != nil {
				return refused(view, err)
			}
			asked = true
			continue
		}
		if view.State == whaley.Asleep && view.Instance != nil {
			done()
			return refused(view, errNotWoken)
		}
		select {
		case <-changed:
			done()
		case <-ctx.Done():
			done()
			return view, nil
		}
	}
}

// spawnOrRouse starts what a host stands for, or wakes it.
func (i *Instancer) spawnOrRouse(ctx context.Context, p whaley.Player, view whaley.HostView) error {
	if view.Instance == nil {
		return i.spawnOnce(ctx, p, view.Challenge)
	}
	_, err := i.rouse(context.WithoutCancel(ctx), view.Instance, p)
	return err
}

// refused puts a refusal into the view; other errors stay errors.
func refused(view whaley.HostView, err error) (whaley.HostView, error) {
	var reason *whaley.Error
	if !errors.As(err, &reason) {
		return whaley.HostView{}, err
	}
	view.State, view.Problem = whaley.Failed, reason
	view.Version += "." + reason.Code
	return view, nil
}

// Watch returns the view of a host as soon as its version is another than seen, or as it is when ctx ends. It never
// starts anything.
func (i *Instancer) Watch(ctx context.Context, q whaley.HostQuery, seen string) (whaley.HostView, error) {
	for {
		name, _ := host.Parse(q.Host, i.opts.BaseDomain)
		changed, done := i.hub.watch(hostKey(name.Challenge, name.Slug))
		view, err := i.Resolve(ctx, q)
		if err != nil || view.Version != seen || !view.Mine {
			done()
			return view, err
		}
		select {
		case <-changed:
			done()
		case <-ctx.Done():
			done()
			return view, nil
		}
	}
}
