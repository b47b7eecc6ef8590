package instancer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// errNotWoken is the refusal when an instance sleeps on for no fault of its own.
var errNotWoken = whaley.Errorf(
	whaley.Unavailable, "not_woken", "Your instance could not be woken just now. Nothing of it is lost; try again.",
).After(5 * time.Second)

// rouse wakes an instance of an owner that sleeps: its programs run again with the files that they had. Any number of
// calls at once wake it once. It refuses with CodeHostFull, and with the reason why nothing is started at the moment.
func (i *Instancer) rouse(ctx context.Context, in *whaley.Instance, p whaley.Player) (*whaley.Instance, error) {
	if err := i.drained(); err != nil {
		return nil, err
	}
	now := i.now()
	woken, err := i.Store.Wake(ctx, in.ID, i.Policy().Quota, func(in *whaley.Instance) {
		in.State, in.Sleep.Woken = whaley.Starting, now
	}, whaley.Event{
		Type: "instance_wake", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: p.ID, At: now,
		Message: "Woken",
	})
	if whaley.CodeOf(err) == whaley.CodeStateChanged {
		return i.Store.Get(ctx, in.ID) // another change was first
	}
	if err != nil {
		return nil, err
	}
	i.changed(woken)
	i.afterJob(in.ID, func() { i.enqueue(woken, p.Address) }) // it may be about to stop what falls asleep
	return woken, nil
}

// rouseOwners wakes an owner's instance of a challenge if it sleeps; nil: it does not.
func (i *Instancer) rouseOwners(ctx context.Context, p whaley.Player, challenge string) (*whaley.Instance, error) {
	live, err := i.Store.Live(ctx, p.Owner.ID)
	if err != nil {
		return nil, err
	}
	for _, in := range live {
		if in.Challenge == challenge && in.State == whaley.Sleeping {
			return i.rouse(ctx, in, p)
		}
	}
	return nil, nil
}

// awaken has what slept run again.
func (i *Instancer) awaken(ctx context.Context, in *whaley.Instance) {
	timeout := i.Policy().StartTimeout
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, startTimeout(timeout, ""))
	defer cancel()
	began := time.Now()
	running, err := i.wakeUp(bounded, in)
	if err == nil {
		i.changed(running)
		i.Log.InfoContext(
			ctx, "instance woken", "instance", in.ID, "challenge", in.Challenge, "owner", in.Owner.ID, "took", time.Since(began),
		)
		i.publish(ctx, running)
		return
	}
	err = timedOut(bounded, err)
	var reason *whaley.Error
	switch code := whaley.CodeOf(err); {
	case code == whaley.CodeStandby:
		i.leftUndone()
	case ctx.Err() != nil, code == whaley.CodeStateChanged: // who stopped it, or the next life, goes on from the row
	case errors.As(err, &reason) && code != whaley.CodeObjectMissing:
		i.fail(ctx, in, err)
	default:
		i.sleepOn(ctx, in, err)
	}
}

func (i *Instancer) wakeUp(ctx context.Context, in *whaley.Instance) (*whaley.Instance, error) {
	ch, err := i.asItRan(ctx, in)
	if err != nil {
		return nil, err
	}
	err = i.Platform.Wake(ctx, in, func(ctx context.Context, made []Made) error {
		for n := range made {
			if at := slices.IndexFunc(ch.Services, func(s whaley.Service) bool { return s.Name == made[n].Service.Name }); at >= 0 {
				made[n].Service = ch.Services[at]
			}
		}
		return i.startAll(ctx, in, ch, made)
	})
	if err != nil {
		return nil, err
	}
	now := i.now()
	return i.Store.Update(ctx, in.ID, []whaley.State{whaley.Starting}, func(in *whaley.Instance) {
		in.State, in.Sleep, in.Failures = whaley.Running, nil, 0
	}, whaley.Event{
		Type: "instance_woken", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player, At: now,
		Message: "woken after " + now.Sub(in.Sleep.Since).Round(time.Second).String(),
	})
}

// sleepOn puts an instance back to sleep that could not be woken for a fault of the platform, so that nothing is lost.
func (i *Instancer) sleepOn(ctx context.Context, in *whaley.Instance, cause error) {
	i.Log.ErrorContext(ctx, "instance not woken, it sleeps on", "instance", in.ID, "err", cause)
	asleep, err := i.Store.Update(ctx, in.ID, []whaley.State{whaley.Starting}, func(in *whaley.Instance) {
		in.State = whaley.Sleeping
	}, whaley.Event{})
	if err != nil {
		i.leftUndone() // else a stop was first
		return
	}
	i.changed(asleep)
	i.stopServices(ctx, asleep)
}

// asItRan are the services of an instance that ran when it fell asleep, and what they wait for, as the revision has
// them that it was made of: the challenge may be another by now, or gone.
func (i *Instancer) asItRan(ctx context.Context, in *whaley.Instance) (*whaley.Challenge, error) {
	vars := strings.NewReplacer()
	if loaded, is := i.Challenges.Get(in.Challenge); is {
		if loaded = i.startable(loaded); loaded.Revision == in.Revision {
			flags, err := i.flags(ctx, in, loaded)
			if err != nil {
				return nil, err
			}
			if vars, err = i.variables(in, loaded, flags); err != nil {
				return nil, err
			}
		}
	}
	ch := &whaley.Challenge{ID: in.Challenge, Revision: in.Revision, Routes: in.Routes}
	ran := func(name string) bool { return slices.Contains(in.Sleep.Services, name) }
	for _, s := range in.Terms.Starts {
		if !ran(s.Name) {
			continue
		}
		one := expand(whaley.Service{
			Name: s.Name, Health: s.Health, Restart: in.Terms.Restarts[s.Name],
		}, vars)
		if h := one.Health; h != nil && slices.ContainsFunc(h.Test, func(t string) bool {
			return strings.Contains(t, whaley.TokenPrefix)
		}) {
			one.Health = nil // what it is about is not known any more
		}
		for _, d := range s.DependsOn {
			if ran(d.Service) && d.Condition != whaley.ConditionCompleted {
				one.DependsOn = append(one.DependsOn, d)
			}
		}
		if shared := in.Terms.Shares[s.Name]; ran(shared) {
			one.DependsOn = append(one.DependsOn, whaley.Dependency{Service: shared, Condition: whaley.ConditionStarted})
		}
		ch.Services = append(ch.Services, one)
	}
	return ch, nil
}
