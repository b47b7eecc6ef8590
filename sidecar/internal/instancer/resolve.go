package instancer

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
)

// HostQuery asks for a host on behalf of a player, who may be nobody known.
type HostQuery struct {
	Host   string
	Player Player
}

// HostView is what the asker may know of a host. For whoever does not own it, one that is not running is the same as
// one that never was.
type HostView struct {
	State     State // of an instance, or Unknown or Asleep
	Mine      bool
	Access    Access
	Backend   string // running: scheme://address:port
	Forwarded string // running: see Route
	Instance  *Instance
	Challenge string // its id
	Name      string // the challenge's, for people
	Wake      bool   // not live: whether opening the address may start it
	Position  int
	Estimate  time.Duration // how long it still waits in the queue
	Version   string
	Problem   *Error // failed or refused: why
}

// target is what a host names.
type target struct {
	ch   *Challenge // nil: not loaded, but what was started of it goes on
	id   string     // of the challenge
	slug string
	name string // of the route
	mine bool
}

func (i *Instancer) target(q HostQuery) (target, bool) {
	name, ok := host.Parse(q.Host, i.opts.BaseDomain)
	if !ok {
		return target{}, false
	}
	t := target{id: name.Challenge, slug: name.Slug, name: name.Route}
	t.ch, _ = i.Challenges.Get(t.id)
	if q.Player.Known() {
		own := Slug(i.opts.SlugKey, q.Player.Owner.ID, t.id)
		t.mine = subtle.ConstantTimeCompare([]byte(own), []byte(name.Slug)) == 1
	}
	return t, true
}

// Resolve says what a host is now. It never starts anything. The instance in it may be shared with others who asked at the
// same time: it is only read.
func (i *Instancer) Resolve(ctx context.Context, q HostQuery) (HostView, error) {
	return i.views.ask(context.WithoutCancel(ctx), q.Host+"\x00"+q.Player.Owner.ID, func(ctx context.Context) (HostView, error) {
		return i.resolve(ctx, q)
	})
}

func (i *Instancer) resolve(ctx context.Context, q HostQuery) (HostView, error) {
	unknown := HostView{State: Unknown, Version: string(Unknown)}
	t, ok := i.target(q)
	if !ok {
		return unknown, nil
	}
	in, err := i.Store.LiveByHost(ctx, t.id, t.slug)
	if err != nil {
		return HostView{}, err
	}
	live := in != nil && in.State.Live()
	if !t.mine && (!live || in.State != Running) || t.ch == nil && !live {
		return unknown, nil
	}
	view := HostView{Mine: t.mine, Challenge: t.id, Instance: in}
	if live {
		view.Name, view.Access = in.Terms.Name, in.Terms.Access
	} else {
		view.Name, view.Access, view.Wake = t.ch.Name, t.ch.Access, t.ch.Wake
	}
	switch {
	case in == nil:
		view.State = Asleep
	case in.State == Failed || in.State == Stopped:
		// Its back-off tells whether it still counts.
		if view.Problem = in.BackOff(i.now()); view.Problem != nil {
			view.State = Failed
		} else {
			view.State, view.Instance = Asleep, nil
		}
	default:
		view.State = in.State
	}
	route, found := routeOf(in, t)
	if !found {
		return unknown, nil
	}
	if in != nil && in.State == Running {
		if route.Type == RouteHTTP {
			view.Backend = string(route.Speaks()) + "://" + i.backend(in, route)
			view.Forwarded = route.Forwarded
		} else {
			view.Problem = Errorf(NotFound, "route_not_http", "This address is not a web page. How to connect to it is on the dashboard.")
		}
	}
	i.complete(&view)
	return view, nil
}

// routeOf is the route a host names: of the instance if there is one, whose challenge may have changed since.
func routeOf(in *Instance, t target) (Route, bool) {
	var routes []Route
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
	return Route{}, false
}

// complete adds stage, position and the version, which changes whenever anything else does.
func (i *Instancer) complete(v *HostView) {
	v.Version = string(v.State)
	if v.Instance == nil {
		return
	}
	var p Progress
	if in := v.Instance; in.State == Queued || in.State == Starting {
		p = i.progressOf(in.ID)
	}
	v.Instance.Stage, v.Position, v.Estimate = p.Stage, p.Position, p.Estimate
	v.Version = fmt.Sprintf("%s.%d.%d.%d.%s", v.Instance.ID, v.Instance.Version, p.Seq, v.Position, v.State)
}
