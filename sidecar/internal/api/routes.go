package api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/router"
)

// handler answers a request or returns why it did not; it has then written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// Route is one operation, as openapi.yaml names it.
type Route struct {
	Method, Path string
	handle       handler
}

// adminSession is where organisers sign in and out.
const adminSession = "/admin/api/session"

// PublicRoutes are what players and operators reach.
func (a *API) PublicRoutes() []Route {
	return []Route{
		{"GET", "/challenges", a.asPlayer(a.listChallenges)},
		{"GET", "/challenges/{id}", a.asPlayer(a.getChallenge)},
		{"GET", "/instances", a.asPlayer(a.listInstances)},
		{"GET", "/instances/{id}", a.asPlayer(a.getInstance)},
		{"DELETE", "/instances/{id}", a.asPlayer(a.limited(a.stopInstance))},
		{"POST", "/instances/spawn", a.asPlayer(a.limited(a.spawnInstance))},
		{"POST", "/instances/{id}/extend", a.asPlayer(a.limited(a.extendInstance))},
		{"POST", "/instances/{id}/restart", a.asPlayer(a.limited(a.restartInstance))},
		{"GET", "/events", a.asPlayer(a.streamEvents)},
		{"GET", "/me", a.asPlayer(a.getMe)},
		{"GET", "/me/team", a.asPlayer(a.getTeam)},
		{"GET", "/config", a.getConfig},
		{"POST", "/auth/login", a.login},
		{"GET", oidcPath, a.beginSignIn},
		{"GET", oidcPath + "/callback", a.endSignIn},
		{"POST", "/auth/logout", a.logout},
		{"POST", "/auth/ticket", a.asPlayer(a.makeTicket)},
		{"POST", adminSession, a.adminLogin},
		{"DELETE", adminSession, a.adminLogout},
		{"GET", wire.SignInPath, a.signInToInstance},
		{"GET", "/go/{id}", a.goToInstance},
		{"GET", "/go/{id}/{route}", a.goToInstance},
		{"GET", connect.WindowPath, a.windowScript},
		{"POST", rctfPath, a.asRCTF(rctfGet, a.rctfStatus)},
		{"PUT", rctfPath, a.asRCTF(rctfCreate, a.rctfStart)},
		{"PATCH", rctfPath, a.asRCTF(rctfRenew, a.rctfExtend)},
		{"DELETE", rctfPath, a.asRCTF(rctfDelete, a.rctfStop)},
		{"GET", "/adapter/challenges", a.adapterChallenges},
		{"POST", "/adapter/events", a.adapterEvents},
		{"GET", "/health", a.getReady},
		{"GET", "/health/live", a.getLive},
		{"GET", "/health/ready", a.getReady},
		{"GET", "/openapi.yaml", a.getOpenAPI},
		{"GET", "/openapi", a.viewDocs},
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

// AdminRoutes are what organisers reach, on the public listener and as admins only.
func (a *API) AdminRoutes() []Route {
	return []Route{
		{"GET", "/admin/api/whoami", a.getAdmin},
		{"GET", "/admin/api/stats", a.getStats},
		{"GET", "/admin/api/stats/series", a.getSeries},
		{"GET", "/admin/api/instances", a.adminListInstances},
		{"POST", "/admin/api/instances/spawn", a.adminSpawnInstance},
		{"POST", "/admin/api/instances/stop", a.adminStopInstances},
		{"GET", "/admin/api/instances/{id}", a.adminGetInstance},
		{"DELETE", "/admin/api/instances/{id}", a.adminStopInstance},
		{"POST", "/admin/api/instances/{id}/restart", a.adminRestartInstance},
		{"GET", "/admin/api/instances/{id}/logs", a.followInstance},
		{"GET", "/admin/api/instances/{id}/metrics", a.getInstanceUsage},
		{"GET", "/admin/api/export/instances.csv", a.exportInstances},
		{"GET", "/admin/api/export/events.csv", a.exportEvents},
		{"GET", "/admin/api/export/flags.csv", a.exportFlags},
		{"GET", "/admin/api/export/suspicious.csv", a.exportSuspicious},
		{"GET", "/admin/api/user-ports", a.listUserPorts},
		{"DELETE", "/admin/api/user-ports", a.forgetUserPorts},
		{"DELETE", "/admin/api/user-ports/{user_id}", a.forgetUserPorts},
		{"GET", "/admin/api/port-stats", a.portStats},
		{"GET", "/admin/api/logs", a.listEvents},
		{"GET", "/admin/api/logs/stats", a.getEventStats},
		{"GET", "/admin/api/events", a.streamAdminEvents},
		{"GET", "/admin/api/forensics/stats", a.getForensicsStats},
		{"POST", "/admin/api/forensics/toggle", a.toggleForensics},
		{"GET", "/admin/api/forensics/logs", a.listCaptures},
		{"DELETE", "/admin/api/forensics/logs", a.deleteCaptures},
		{"GET", "/admin/api/forensics/logs/{id}", a.getCapture},
		{"DELETE", "/admin/api/forensics/logs/{id}", a.deleteCapture},
		{"POST", "/admin/api/forensics/live-capture/{id}", a.captureLive},
		{"POST", "/admin/api/forensics/cleanup", a.cleanCaptures},
		{"GET", "/admin/api/monitoring/system", a.getSystemUsage},
		{"GET", "/admin/api/monitoring/instances", a.listUsage},
		{"GET", "/admin/api/settings", a.listSettings},
		{"PUT", "/admin/api/settings", a.changeSettings},
		{"POST", "/admin/api/settings/load", a.loadSettings},
		{"GET", "/admin/api/settings/history", a.listSettingChanges},
		{"DELETE", "/admin/api/settings/{key}", a.resetSetting},
		{"GET", "/admin/api/variables", a.listVariables},
		{"PUT", "/admin/api/variables", a.setVariable},
		{"DELETE", "/admin/api/variables/{key}", a.removeVariable},
		{"GET", "/admin/api/challenges/list", a.adminListChallenges},
		{"GET", "/admin/api/challenges/settings", a.adminChallengeSettings},
		{"POST", "/admin/api/challenges/upload", a.adminUploadChallenge},
		{"POST", "/admin/api/challenges/import", a.adminImport},
		{"POST", "/admin/api/challenges/reload", a.adminReloadChallenges},
		{"DELETE", "/admin/api/challenges/{id}", a.adminDeleteChallenge},
		{"POST", "/admin/api/challenges/{id}/reload", a.adminReloadChallenge},
		{"GET", "/admin/api/challenges/{id}/build", a.getBuild},
		{"POST", "/admin/api/challenges/{id}/build", a.buildAgain},
		{"GET", "/admin/api/challenges/{id}/revisions", a.listRevisions},
		{"GET", "/admin/api/challenges/{id}/revisions/{revision}/changes", a.compareRevisions},
		{"POST", "/admin/api/challenges/{id}/revisions/{revision}/rollback", a.rollBack},
		{"GET", "/admin/api/challenges/{id}/archive", a.downloadChallenge},
		{"POST", "/admin/api/challenges/{id}/toggle", a.adminToggleChallenge},
		{"PUT", "/admin/api/challenges/{id}/resources", a.adminSetResources},
		{"GET", "/admin/api/challenges/{id}/files", a.adminListFiles},
		{"GET", "/admin/api/challenges/{id}/files/{path}", a.adminReadFile},
		{"PUT", "/admin/api/challenges/{id}/files/{path}", a.adminWriteFile},
		{"POST", "/admin/api/challenges/{id}/files/{path}", a.adminCreateFile},
		{"DELETE", "/admin/api/challenges/{id}/files/{path}", a.adminDeleteFile},
		{"GET", "/admin/api/flags", a.adminFlags},
		{"GET", "/admin/api/flags/mappings", a.adminListFlags},
		{"POST", "/admin/api/flags/check-submissions", a.adminCheckSubmissions},
		{"GET", "/admin/api/flags/suspicious", a.adminListSuspicious},
		{"DELETE", "/admin/api/flags/suspicious", a.adminClearSuspicious},
		{"PATCH", "/admin/api/flags/suspicious/{id}", a.adminReviewSuspicious},
		{"POST", "/admin/api/flags/sync-challenge", a.adminSyncChallenge},
		{"DELETE", "/admin/api/flags/mapping/{id}", a.adminDeleteMapping},
		{"POST", "/admin/api/flags/mapping/{id}/sync-connection-info", a.adminSyncConnectionInfo},
		{"DELETE", "/admin/api/flags/user/{id}", a.adminDeleteFlagsOf},
		{"DELETE", "/admin/api/flags/{id}", a.adminDeleteFlag},
		{"POST", "/admin/api/flags/{id}/rotate", a.adminRotateFlag},
		{"GET", "/admin/api/ctfd/challenges", a.adminCTFdChallenges},
		{"GET", "/admin/api/ctfd/connection", a.getConnection},
		{"POST", "/admin/api/ctfd/connection", a.makeConnection},
		{"DELETE", "/admin/api/ctfd/connection", a.removeConnection},
		{"PUT", "/admin/api/ctfd/window", a.setWindow},
	}
}

// Public serves the public and the admins' routes; whatever they do not know is a page.
func (a *API) Public() http.Handler {
	routes := a.PublicRoutes()
	for _, route := range a.AdminRoutes() {
		route.handle = a.asAdmin(route.handle)
		routes = append(routes, route)
	}
	return secured(a.inTurn(a.shared(a.sameOrigin(a.router(routes, a.Pages)))))
}

// Internal serves the internal routes.
func (a *API) Internal() http.Handler {
	return a.withPluginKey(a.router(
		a.InternalRoutes(), a.wrap(func(http.ResponseWriter, *http.Request) error { return errNotFound }),
	))
}

// router answers what is on the list, another method on one of its paths with 405, and leaves the rest to otherwise.
func (a *API) router(routes []Route, otherwise http.Handler) http.Handler {
	table := make([]router.Route, len(routes))
	for n, route := range routes {
		pattern := strings.ReplaceAll(route.Path, "{path}", "{path...}") // a path may have slashes
		table[n] = router.Route{Method: route.Method, Pattern: pattern, Handler: a.wrap(route.handle)}
	}
	wrongMethod := a.wrap(func(http.ResponseWriter, *http.Request) error { return errMethod })
	return a.readable(router.New(table, otherwise, wrongMethod))
}

// readable refuses what a database takes for broken: text that is not UTF-8, and NUL.
func (a *API) readable(next http.Handler) http.Handler {
	refuse := a.wrap(func(http.ResponseWriter, *http.Request) error { return errUnreadable })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil || !plain(r.URL.Path) || !plain(query) {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// idOf is what the path names.
func idOf(r *http.Request) string { return r.PathValue("id") }
