package instancer

import (
	"context"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	trafficEvery = 15 * time.Second // between two looks at what goes to instances that may sleep
	// trafficNoise is how many bytes may come in between two looks without a player being there: the host's own answers to
	// a container that looks for it.
	trafficNoise = 200
)

// quiet is how long an instance has been without traffic. Memory only: another process starts counting anew.
type quiet struct {
	bytes uint64
	since time.Time
}

// sleepLoop has instances without traffic fall asleep.
func (i *Instancer) sleepLoop(ctx context.Context) error {
	known := map[string]quiet{}
	for loop.Sleep(ctx, trafficEvery) == nil {
		if err := i.sleepIdle(ctx, known); err != nil && ctx.Err() == nil {
			clear(known) // what went by meanwhile is not known
			i.Log.Warn("not known which instances are idle, none falls asleep", "err", err)
		}
	}
	return nil
}

// sleepIdle looks once at what goes to instances. What is not known of one keeps it awake.
func (i *Instancer) sleepIdle(ctx context.Context, known map[string]quiet) error {
	live, err := i.Store.LiveWith(ctx, whaley.TermIdle)
	if err != nil {
		return err
	}
	live = slices.DeleteFunc(live, func(in *whaley.Instance) bool {
		return in.State != whaley.Running || in.Terms.Idle <= 0
	})
	if len(live) == 0 {
		clear(known)
		return nil
	}
	seen, err := i.Platform.Traffic(ctx, live)
	if err != nil {
		return err
	}
	now, before := time.Now(), map[string]quiet{}
	for id, q := range known {
		before[id] = q
	}
	clear(known)
	for _, in := range live {
		t, is := seen[in.ID]
		if !is {
			continue
		}
		q, was := before[in.ID]
		if !was || t.Held > 0 || t.Bytes < q.bytes || t.Bytes-q.bytes > trafficNoise {
			q.since = now
		}
		q.bytes = t.Bytes
		known[in.ID] = q
		if now.Sub(q.since) >= in.Terms.Idle {
			i.fallAsleep(ctx, in)
		}
	}
	return nil
}

// fallAsleep has an instance that runs sleep. The row says so before anything is stopped.
func (i *Instancer) fallAsleep(ctx context.Context, in *whaley.Instance) {
	objects, err := i.Platform.List(ctx, in.ID)
	if err != nil || i.Busy(in.ID) {
		return // the next look comes
	}
	if missing(in, objects, nil) != "" {
		i.looks.hint(in.ID) // it is about to be lost, or revived
		return
	}
	var ran []string
	for _, o := range objects {
		if o.Kind == "container" && o.Running {
			ran = append(ran, o.Labels.Service)
		}
	}
	slices.Sort(ran)
	now := i.now()
	asleep, err := i.Store.Update(ctx, in.ID, []whaley.State{whaley.Running}, func(in *whaley.Instance) {
		in.State, in.Sleep = whaley.Sleeping, &whaley.Sleep{Since: now, Services: slices.Compact(ran)}
	}, whaley.Event{
		Type: "instance_sleep", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player, At: now,
		Message: "Asleep: " + in.Terms.Idle.String() + " without traffic",
	})
	if err != nil {
		if code := whaley.CodeOf(err); code != whaley.CodeStateChanged && code != whaley.CodeStandby {
			i.Log.Error("idle instance does not fall asleep", "instance", in.ID, "err", err)
		}
		return
	}
	i.Log.Info("instance falls asleep", "instance", in.ID, "challenge", in.Challenge, "owner", in.Owner.ID)
	i.changed(asleep)
	i.putToBed(asleep)
}

// putToBed stops what runs of an instance in state sleeping. Who wakes it meanwhile waits for that.
func (i *Instancer) putToBed(in *whaley.Instance) {
	i.start(in.ID, false, func(ctx context.Context) { // else what works on it, or the reconciler, sees to it
		if now, err := i.Store.Get(ctx, in.ID); err == nil && now.State == whaley.Sleeping {
			i.stopServices(ctx, now)
		}
		if now, err := i.Store.Get(ctx, in.ID); err == nil && now.State == whaley.Starting {
			i.then(in.ID, func() { i.enqueue(now, "") })
		}
	})
}

// stopServices has nothing of an instance run and nothing lead to it. All that it has stays.
func (i *Instancer) stopServices(ctx context.Context, in *whaley.Instance) {
	if err := i.Router.Retract(ctx, in.ID, i.publications(in)); err != nil {
		i.Log.WarnContext(ctx, "routes not retracted", "instance", in.ID, "err", err)
		i.leftUndone()
	}
	if err := i.Platform.Sleep(ctx, in); err != nil && ctx.Err() == nil {
		i.Log.ErrorContext(ctx, "sleeping instance not stopped, the reconciler goes on", "instance", in.ID, "err", err)
		i.leftUndone()
	}
}

// settleSleep stops what still runs of an instance that sleeps, and looks at one that may have lost something.
func (i *Instancer) settleSleep(in *whaley.Instance, objects []Object) {
	if gone(in, objects) != "" {
		i.looks.hint(in.ID) // it may be taken down meanwhile
		return
	}
	if slices.ContainsFunc(objects, func(o Object) bool { return o.Kind == "container" && o.Running }) {
		i.putToBed(in)
	}
}

// verifySleep ends an instance that has lost what it would be woken with, and says whether it lives.
func (i *Instancer) verifySleep(ctx context.Context, in *whaley.Instance, objects []Object) bool {
	service := gone(in, objects)
	if service == "" {
		return true
	}
	i.Log.Warn("sleeping instance lost a container", "instance", in.ID, "service", service)
	if _, err := i.stop(ctx, in, whaley.CauseLost); err != nil {
		i.Log.Error("lost instance not stopped", "instance", in.ID, "err", err)
	}
	return false
}

// gone names a service whose container an instance that sleeps has no more, or is empty.
func gone(in *whaley.Instance, objects []Object) string {
	there := map[string]bool{}
	for _, o := range objects {
		there[o.Labels.Service] = there[o.Labels.Service] || o.Kind == "container"
	}
	for _, service := range in.Sleep.Services {
		if !there[service] {
			return service
		}
	}
	return ""
}
