package instancer

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// target is what a host names.
type target struct {
	ch   *whaley.Challenge // nil: not loaded, but what was started of it goes on
	id   string            // of the challenge
	slug string
	name string // of the route
	mine bool
}

func (i *Instancer) target(q whaley.HostQuery) (target, bool) {
	name, ok := host.Parse(q.Host, i.opts.BaseDomain)
	if !ok {
		return target{}, false
	}
	t := target{id: name.Challenge, slug: name.Slug, name: name.Route}
	if ch, loaded := i.Challenges.Get(t.id); loaded {
		t.ch = i.startable(ch)
	}
	if q.Player.Known() {
		own := whaley.Slug(i.opts.SlugKey, q.Player.Owner.ID, t.id)
		t.mine = subtle.ConstantTimeCompare([]byte(own), []byte(name.Slug)) == 1
	}
	return t, true
}

// Resolve says what a host is now. It never starts anything. The instance in it may be shared with others who asked at
// the same time: it is only read.
func (i *Instancer) Resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	return i.views.ask(
		context.WithoutCancel(ctx), q.Host+"\x00"+q.Player.Owner.ID, func(ctx context.Context) (whaley.HostView, error) {
			return i.resolve(ctx, q)
		},
	)
}

func (i *Instancer) resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	unknown := whaley.HostView{State: whaley.Unknown, Version: string(whaley.Unknown)}
	t, ok := i.target(q)
	if !ok {
		return unknown, nil
	}
	in, err := i.Store.LiveByHost(ctx, t.id, t.slug)
	if err != nil {
		return whaley.HostView{}, err
	}
	live := in != nil && in.State.Live()
	if !t.mine && (!live || in.State != whaley.Running) || t.ch == nil && !live {
		return unknown, nil
	}
	view := whaley.HostView{Mine: t.mine, Challenge: t.id, Instance: in}
	if live {
		view.Name, view.Access = in.Terms.Name, in.Terms.Access
	} else {
		view.Name, view.Access, view.Wake = t.ch.Name, t.ch.Access, t.ch.Wake
	}
	switch {
	case in == nil:
		view.State = whaley.Asleep
	case in.State == whaley.Failed || in.State == whaley.Stopped:
		// Its back-off tells whether it still counts.
		if view.Problem = in.BackOff(i.now()); view.Problem != nil {
			view.State = whaley.Failed
		} else {
			view.State, view.Instance = whaley.Asleep, nil
		}
	case in.State == whaley.Sleeping:
		// Its owner started it, and opening it goes on with that, whatever else starts the challenge.
		view.State, view.Wake = whaley.Asleep, true
	default:
		view.State = in.State
	}
	route, found := routeOf(in, t)
	if !found {
		return unknown, nil
	}
	if in != nil && in.State == whaley.Running {
		if route.Type == whaley.RouteHTTP {
			view.Backend = string(route.Speaks()) + "://" + i.backend(in, route)
			view.Forwarded = route.Forwarded
		} else {
			view.Problem = whaley.Errorf(
				whaley.NotFound, "route_not_http", "This address is not a web page. How to connect to it is on the dashboard.",
			)
		}
	}
	i.complete(&view)
	return view, nil
}

// routeOf is the route a host names: of the instance if there is one, whose challenge may have changed since.
func routeOf(in *whaley.Instance, t target) (whaley.Route, bool) {
	var routes []whaley.Route
	if in != nil && in.State.Live() {
		routes = in.Routes
	} else if t.ch != nil {
		routes = t.ch.Routes
	}
	for _, r := range routes {
		if r.Name == t.name {
			return r, true
		}
	}
	return whaley.Route{}, false
}

// complete adds stage, position and the version, which changes whenever anything else does.
func (i *Instancer) complete(v *whaley.HostView) {
	v.Version = string(v.State)
	if v.Instance == nil {
		return
	}
	var p position
	if in := v.Instance; in.State == whaley.Queued || in.State == whaley.Starting {
		p = i.progressOf(in.ID)
	}
	v.Instance.Stage, v.Position, v.Estimate = p.stage, p.turn, p.estimate
	v.Version = fmt.Sprintf("%s.%d.%d.%d.%s", v.Instance.ID, v.Instance.Version, p.seq, v.Position, v.State)
}
