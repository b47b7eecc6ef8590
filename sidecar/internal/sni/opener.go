package sni

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Rules start instances and know where their routes lead.
type Rules interface {
	Resolve(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error)
	Wake(ctx context.Context, q whaley.HostQuery) (whaley.HostView, error)
	Published(in *whaley.Instance, name string) (whaley.Publication, bool)
}

// Challenges are those that are loaded.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
}

// Owners know whose a name is.
type Owners interface {
	// Owner is a player of the owner whose name it is, as a connection from an address shows it; false if it is nobody's.
	Owner(ctx context.Context, name host.Name, from netip.Addr) (whaley.Player, bool)
}

// Opener finds what a name of TLS leads to.
type Opener struct {
	BaseDomain string
	Rules      Rules
	Challenges Challenges
	Owners     Owners
	Log        *slog.Logger
}

// Open is where a name leads, once what it stands for runs. It starts that if it is asleep, and returns false if the
// name leads nowhere, the start failed or was refused, or ctx ended first.
func (o *Opener) Open(ctx context.Context, name string, from netip.Addr) (whaley.Publication, bool) {
	parts, ok := host.Parse(name, o.BaseDomain)
	if !ok {
		return whaley.Publication{}, false
	}
	query := whaley.HostQuery{Host: name}
	view, err := o.Rules.Resolve(ctx, query) // what runs is for whoever has the name
	if err == nil && view.State != whaley.Running {
		if !o.wakes(parts) {
			return whaley.Publication{}, false
		}
		if query.Player, ok = o.Owners.Owner(ctx, parts, from); !ok {
			return whaley.Publication{}, false
		}
		query.Player.Address = from.String()
		view, err = o.Rules.Wake(ctx, query)
	}
	if err != nil || view.State != whaley.Running || view.Instance == nil {
		o.Log.DebugContext(
			ctx, "a connection by TLS waited for what does not run", "challenge", parts.Challenge, "state", view.State, "err",
			err,
		)
		return whaley.Publication{}, false
	}
	p, ok := o.Rules.Published(view.Instance, name)
	return p, ok && p.Type == whaley.RouteTCP
}

// wakes says whether connecting by a name may start what it stands for.
func (o *Opener) wakes(name host.Name) bool {
	ch, ok := o.Challenges.Get(name.Challenge)
	if !ok || !ch.Wake || ch.Access != whaley.AccessLink {
		return false
	}
	for _, r := range ch.Routes {
		if r.Name == name.Route {
			return r.Type == whaley.RouteTCP
		}
	}
	return false
}
