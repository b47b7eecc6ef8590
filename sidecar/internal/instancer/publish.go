package instancer

import (
	"context"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// publications are the routes of a running instance as a router needs them.
func (i *Instancer) publications(in *whaley.Instance) []whaley.Publication {
	var all []whaley.Publication
	for _, r := range in.Routes {
		backend := i.backend(in, r)
		if backend == "" {
			continue // never got that far
		}
		all = append(all, i.publication(in, r, backend))
	}
	return all
}

func (i *Instancer) publication(in *whaley.Instance, r whaley.Route, backend string) whaley.Publication {
	p := whaley.Publication{
		Instance: in.ID, Name: in.ID, Type: r.Type, Access: in.Terms.Access, Passthrough: r.Passthrough,
		EntryPoint: r.EntryPoint, TLS: r.TLS, Backend: backend, Scheme: r.Speaks(), Forwarded: r.Forwarded,
		Host: host.Join(host.Name{Route: r.Name, Challenge: in.Challenge, Slug: in.Slug}, i.opts.BaseDomain),
	}
	if p.Access == "" {
		p.Access = whaley.AccessOwner // a row without terms: the stricter one
	}
	if r.Name != "" {
		p.Name += "-" + r.Name
	}
	return p
}

// Published is the route of a running instance that has a host's name, as a router needs it; false if there is none, or
// it is not known where it leads.
func (i *Instancer) Published(in *whaley.Instance, name string) (whaley.Publication, bool) {
	for _, p := range i.publications(in) {
		if p.Host == name {
			return p, true
		}
	}
	return whaley.Publication{}, false
}

// publish puts a running instance's routes in front. Failing is no reason to stop the instance: the plugin serves it
// meanwhile, and the router publishes everything again when it is back.
func (i *Instancer) publish(ctx context.Context, in *whaley.Instance) {
	if err := i.Router.Publish(ctx, in.ID, i.publications(in)); err != nil {
		i.Log.Warn("routes not published", "instance", in.ID, "err", err)
		i.leftUndone()
	}
}

// Republish makes the router hold exactly the routes of what runs: at start-up and whenever the router lost them.
func (i *Instancer) Republish(ctx context.Context) error { return i.Router.Sync(ctx, i.runningRoutes) }

// runningRoutes lists the routes of all running instances.
func (i *Instancer) runningRoutes(ctx context.Context) ([]whaley.Publication, error) {
	live, err := i.Store.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	all := []whaley.Publication{}
	for _, in := range live {
		if in.State == whaley.Running {
			all = append(all, i.publications(in)...)
		}
	}
	return all, nil
}
