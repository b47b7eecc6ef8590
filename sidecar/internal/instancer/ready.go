package instancer

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	healthEvery = 50 * time.Millisecond // between two runs of a health check
	tryLast     = time.Second           // between two tries of either, of what does not get ready
)

// pace is the time between two tries of what has not got ready for a while: not so long that anybody would notice, and
// not so short that what never gets ready keeps everything busy.
func pace(since time.Time, least time.Duration) time.Duration {
	return min(max(least, time.Since(since)/20), tryLast)
}

// startAll starts each service once what it depends on has got there, and returns when every route is ready. The
// first service that ends before it should ends all.
func (i *Instancer) startAll(ctx context.Context, in *whaley.Instance, ch *whaley.Challenge, made []Made) error {
	i.setStage(in, "Starting services")
	units := make(map[string]*unit, len(made))
	for _, m := range made {
		units[m.Service.Name] = &unit{
			service: m.Service, id: m.ID, address: m.Address, health: i.images.health(ch, m.Service),
			started: make(chan struct{}), healthy: make(chan struct{}), completed: make(chan struct{}),
		}
	}
	for _, r := range ch.Routes {
		units[r.Service].routes = append(units[r.Service].routes, r)
	}
	for _, s := range ch.Services {
		for _, d := range s.DependsOn {
			units[d.Service].wanted = append(units[d.Service].wanted, d.Condition)
		}
	}
	// Two groups: what everybody must reach before the instance is ready, and the watch for early exits, which ends then.
	watchCtx, ready := context.WithCancel(ctx)
	defer ready()
	watch, watchCtx := errgroup.WithContext(watchCtx)
	g, gctx := errgroup.WithContext(watchCtx)
	for _, u := range units {
		g.Go(func() (err error) {
			if err := u.await(gctx, units); err != nil {
				return err
			}
			gctx, end := i.step(gctx, "start "+u.service.Name)
			defer func() { end(err) }()
			if err := i.Platform.StartService(context.WithoutCancel(gctx), u.id); err != nil {
				return err
			}
			close(u.started)
			watch.Go(func() error { return i.watchExit(withoutTrace(watchCtx), in, u) })
			ready, until := i.step(gctx, "until "+u.service.Name+" is ready")
			err = i.untilReady(ready, u)
			until(err)
			return err
		})
	}
	telling, told := context.WithCancel(watchCtx)
	watch.Go(func() error {
		i.tellAwaited(telling, in, units)
		return nil
	})
	err := g.Wait()
	told()
	if err != nil && ctx.Err() != nil {
		err = i.notReady(ctx, units, err)
	}
	ready()
	if early := watch.Wait(); whaley.CodeOf(early) != "" {
		return early // the cause, of which err is only the consequence
	}
	return err
}

// unit is a service on its way.
type unit struct {
	service                     whaley.Service
	id                          string
	address                     netip.Addr
	health                      *whaley.Health
	routes                      []whaley.Route
	wanted                      []whaley.Condition // by those that depend on it
	awaited                     awaited
	started, healthy, completed chan struct{}
}

func (u *unit) wants(c whaley.Condition) bool {
	for _, w := range u.wanted {
		if w == c {
			return true
		}
	}
	return false
}

func (u *unit) await(ctx context.Context, units map[string]*unit) error {
	for _, d := range u.service.DependsOn {
		on := units[d.Service]
		reached := map[whaley.Condition]chan struct{}{
			whaley.ConditionStarted: on.started, whaley.ConditionHealthy: on.healthy, whaley.ConditionCompleted: on.completed,
		}[d.Condition]
		select {
		case <-reached:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// untilReady returns when the service's health check passes, or without one when its routes answer.
func (i *Instancer) untilReady(ctx context.Context, u *unit) error {
	if u.wants(whaley.ConditionCompleted) {
		u.awaited.set(u.service.Name+" to finish", 0)
		select {
		case <-u.completed:
			u.awaited.set("", 0)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(u.routes) == 0 && !u.wants(whaley.ConditionHealthy) {
		return nil
	}
	if u.health != nil {
		if err := i.untilHealthy(ctx, u); err != nil {
			return err
		}
	}
	for _, r := range u.routes {
		if err := i.untilAnswers(ctx, u, r); err != nil {
			return err
		}
	}
	u.awaited.set("", 0)
	close(u.healthy)
	return nil
}

func (i *Instancer) untilHealthy(ctx context.Context, u *unit) error {
	ctx = withoutTrace(ctx)
	u.awaited.set("the health check of "+u.service.Name+" to pass", 0)
	for began := time.Now(); ; {
		check, cancel := context.WithTimeout(ctx, u.health.Timeout)
		code, err := i.Prober.Exec(check, u.id, u.health.Test)
		late := check.Err() != nil
		cancel()
		if err == nil && code == 0 {
			return nil
		}
		switch {
		case err == nil:
			u.awaited.set(fmt.Sprintf("the health check of %s to pass (it ends with code %d)", u.service.Name, code), 0)
		case late && ctx.Err() == nil:
			u.awaited.set(
				fmt.Sprintf("the health check of %s to pass (it takes longer than %s)", u.service.Name, u.health.Timeout), 0,
			)
		}
		if err := loop.Sleep(ctx, pace(began, healthEvery)); err != nil {
			return err
		}
	}
}

// watchExit returns an error when a service ends that should go on, or ends badly.
func (i *Instancer) watchExit(ctx context.Context, in *whaley.Instance, u *unit) error {
	code, err := i.untilEnded(ctx, u)
	if err != nil || ctx.Err() != nil {
		return ctx.Err() // the engine's trouble shows elsewhere
	}
	if code == 0 && u.wants(whaley.ConditionCompleted) {
		close(u.completed)
		return nil
	}
	if len(u.routes) == 0 && len(u.wanted) == 0 {
		return nil // nobody waits for it
	}
	i.Log.InfoContext(ctx, "service ended while starting", "instance", in.ID, "service", u.service.Name, "code", code)
	return whaley.Errorf(whaley.Unavailable, "service_exited",
		"The challenge crashed on startup: its service %s ended with exit code %d. Try again; if it keeps happening, tell an organiser.",
		u.service.Name, code)
}

// untilEnded returns the code of a service that has ended and is not started again.
func (i *Instancer) untilEnded(ctx context.Context, u *unit) (int, error) {
	for count := 0; ; count++ {
		code, err := i.Platform.Wait(ctx, u.id)
		if err != nil || ctx.Err() != nil || !u.service.Restart.Again(code, count) {
			return code, err
		}
		if err := loop.Sleep(ctx, restartPause(count)); err != nil {
			return 0, err
		}
		if err := i.Platform.StartService(context.WithoutCancel(ctx), u.id); err != nil {
			return 0, err
		}
	}
}
