package sni_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/sni"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const base = "instances.localhost"

var (
	key  = []byte("a key of slugs")
	from = netip.MustParseAddr("192.0.2.7")
	team = whaley.Owner{ID: "team_1", Name: "Red"}
)

func nameOf(route, challenge, owner string) string {
	return host.Join(host.Name{Route: route, Challenge: challenge, Slug: whaley.Slug(key, owner, challenge)}, base)
}

// rules hold one instance, of any challenge, which runs or does so once it is woken.
type rules struct {
	runs   bool
	woken  []whaley.HostQuery
	routes map[string]whaley.Publication
}

func (r *rules) view() whaley.HostView {
	if !r.runs {
		return whaley.HostView{State: whaley.Unknown}
	}
	return whaley.HostView{State: whaley.Running, Instance: &whaley.Instance{}}
}

func (r *rules) Resolve(context.Context, whaley.HostQuery) (whaley.HostView, error) {
	return r.view(), nil
}

func (r *rules) Wake(_ context.Context, q whaley.HostQuery) (whaley.HostView, error) {
	r.woken = append(r.woken, q)
	r.runs = true
	return r.view(), nil
}

func (r *rules) Published(_ *whaley.Instance, name string) (whaley.Publication, bool) {
	p, ok := r.routes[name]
	return p, ok
}

type challenges map[string]*whaley.Challenge

func (c challenges) Get(id string) (*whaley.Challenge, bool) {
	ch, ok := c[id]
	return ch, ok
}

type teamsOnly struct{}

func (teamsOnly) Owner(_ context.Context, name host.Name, _ netip.Addr) (whaley.Player, bool) {
	if name.Slug != whaley.Slug(key, team.ID, name.Challenge) {
		return whaley.Player{}, false
	}
	return whaley.Player{ID: "user_7", Owner: team}, true
}

func TestOnlyWhatOpensForWhoeverHasItsNameIsStartedByIt(t *testing.T) {
	raw := []whaley.Route{
		{Type: whaley.RouteTCP}, {Name: "web", Type: whaley.RouteHTTP}, {Name: "own", Type: whaley.RouteCustom},
	}
	loaded := challenges{
		"pwn":     {ID: "pwn", Wake: true, Access: whaley.AccessLink, Routes: raw},
		"guarded": {ID: "guarded", Wake: true, Access: whaley.AccessOwner, Routes: raw},
		"manual":  {ID: "manual", Wake: false, Access: whaley.AccessLink, Routes: raw},
	}
	for _, c := range []struct {
		name         string
		runs         bool
		leads, wakes bool
	}{
		{name: nameOf("", "pwn", team.ID), leads: true, wakes: true},
		{name: nameOf("", "pwn", team.ID), runs: true, leads: true},
		{name: nameOf("", "pwn", "team_2")},
		{name: nameOf("", "guarded", team.ID)},
		{name: nameOf("", "guarded", team.ID), runs: true, leads: true},
		{name: nameOf("", "manual", team.ID)},
		{name: nameOf("web", "pwn", team.ID)},
		{name: nameOf("web", "pwn", team.ID), runs: true},
		{name: nameOf("own", "pwn", team.ID)},
		{name: nameOf("none", "pwn", team.ID)},
		{name: nameOf("", "unloaded", team.ID)},
		{name: "pwn." + base}, {name: base}, {name: "localhost"}, {name: "192.0.2.1"}, {name: ""},
	} {
		r := &rules{runs: c.runs, routes: map[string]whaley.Publication{
			nameOf("", "pwn", team.ID): {Type: whaley.RouteTCP}, nameOf("", "guarded", team.ID): {Type: whaley.RouteTCP},
			nameOf("web", "pwn", team.ID): {Type: whaley.RouteHTTP},
		}}
		o := &sni.Opener{
			BaseDomain: base, Rules: r, Challenges: loaded, Owners: teamsOnly{}, Log: slog.New(slog.DiscardHandler),
		}
		if _, leads := o.Open(t.Context(), c.name, from); leads != c.leads || (len(r.woken) > 0) != c.wakes {
			t.Errorf("%q, runs %t: leads somewhere %t, woken %v; want %t %t", c.name, c.runs, leads, r.woken, c.leads, c.wakes)
		}
		if c.wakes &&
			(r.woken[0].Player.Owner != team || r.woken[0].Player.Address != from.String() || r.woken[0].Host != c.name) {
			t.Errorf("%q is woken by %+v", c.name, r.woken)
		}
	}
}
