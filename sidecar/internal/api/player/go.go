package player

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// GoToInstance is the link that CTFd shows to all players of a challenge: it leads each of them to their own instance,
// past the sign-in if need be. Opening a web address starts the instance; what browsers cannot open, and what only the
// dashboard starts, is shown there.
func (a Handlers) GoToInstance(w http.ResponseWriter, r *http.Request) error {
	p, err := a.Identify(r)
	if err != nil {
		return a.signInFirst(w, r, err)
	}
	ch, ok := a.Challenges.Get(kit.IDOf(r))
	if !ok || ch.Inactive {
		return a.noChallenge(w, r)
	}
	route, ok := routeOf(ch, r.PathValue("route"))
	if !ok {
		return a.noChallenge(w, r)
	}
	to := "/?" + url.Values{"challenge": {ch.ID}}.Encode()
	switch why := a.Instancer.Closed(p, ch); {
	case why != nil && why.Code == kit.CodeNoChallenge: // hidden in CTFd
		return a.noChallenge(w, r)
	case hidden(why): // the dashboard says when it begins
	case route.Type == whaley.RouteHTTP && ch.Wake:
		to = a.Url(a.Instancer.Host(ch.ID, route, p.Owner.ID)) + "/"
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// noChallenge is what a challenge that is not there, or may not be seen, looks like.
func (a Handlers) noChallenge(w http.ResponseWriter, r *http.Request) error {
	if kit.IsBrowser(r) {
		a.Pages.ServeHTTP(w, r) // which know no such page, and say so as pages do
		return nil
	}
	return whaley.Errorf(whaley.NotFound, kit.CodeNoChallenge, "There is no challenge %q.", kit.IDOf(r))
}

// routeOf is a challenge's route with a name; without one its first that a browser opens, else its first.
func routeOf(ch *whaley.Challenge, name string) (whaley.Route, bool) {
	n := slices.IndexFunc(ch.Routes, func(r whaley.Route) bool {
		return name != "" && r.Name == name || name == "" && r.Type == whaley.RouteHTTP
	})
	if n < 0 && name == "" && len(ch.Routes) > 0 {
		n = 0
	}
	if n < 0 {
		return whaley.Route{}, false
	}
	return ch.Routes[n], true
}
