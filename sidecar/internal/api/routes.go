package api

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// handler answers a request or returns why it did not; it has then written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// Route is one operation, as openapi.yaml names it.
type Route struct {
	Method, Path string
	handle       handler
}

// PublicRoutes are what players and operators reach.
func (a *API) PublicRoutes() []Route {
	return []Route{
		{"GET", "/challenges", a.listChallenges},
		{"GET", "/challenges/:id", a.getChallenge},
		{"GET", "/instances", a.listInstances},
		{"GET", "/instances/:id", a.getInstance},
		{"DELETE", "/instances/:id", a.stopInstance},
		{"POST", "/instances/:id", a.spawnInstance}, // /instances/spawn: httprouter wants one name at one place
		{"POST", "/instances/:id/extend", a.extendInstance},
		{"GET", "/events", a.streamEvents},
		{"GET", "/me", a.getMe},
		{"GET", "/config", a.getConfig},
		{"GET", wire.SignInPath, a.signInToInstance},
		{"GET", "/health", a.getReady},
		{"GET", "/health/live", a.getLive},
		{"GET", "/health/ready", a.getReady},
		{"GET", "/openapi.yaml", a.getOpenAPI},
		{"GET", "/metrics", a.getMetrics},
	}
}

// InternalRoutes are what the plugin reaches, on a listener of their own and with its key.
func (a *API) InternalRoutes() []Route {
	return []Route{
		{"GET", wire.PathKeys, a.getKeys},
		{"POST", wire.PathResolve, a.resolveHost},
		{"POST", wire.PathWake, a.wakeHost},
		{"POST", wire.PathStatus, a.watchHost},
		{"POST", wire.PathTicket, a.redeemTicket},
	}
}

// Public serves the public routes; whatever they do not know is a page.
func (a *API) Public() http.Handler {
	router := a.router(a.PublicRoutes())
	router.NotFound = a.Pages
	protected := http.NewCrossOriginProtection() // other sites' pages can send nothing in a player's name
	protected.SetDenyHandler(a.wrap(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin }))
	return secured(protected.Handler(router))
}

// Internal serves the internal routes.
func (a *API) Internal() http.Handler {
	router := a.router(a.InternalRoutes())
	router.NotFound = a.wrap(func(http.ResponseWriter, *http.Request) error { return errNotFound })
	return a.withPluginKey(router)
}

func (a *API) router(routes []Route) *httprouter.Router {
	router := httprouter.New()
	router.RedirectTrailingSlash, router.RedirectFixedPath, router.HandleOPTIONS = false, false, false
	for _, route := range routes {
		router.Handler(route.Method, route.Path, a.wrap(route.handle))
	}
	router.MethodNotAllowed = a.wrap(func(http.ResponseWriter, *http.Request) error { return errMethod })
	return router
}

// idOf is what the path names.
func idOf(r *http.Request) string {
	return httprouter.ParamsFromContext(r.Context()).ByName("id")
}
