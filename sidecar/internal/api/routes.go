package api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/machine"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/router"
)

// Route is one operation, as openapi.yaml names it.
type Route struct {
	Method, Path string
	handle       kit.Handler
}

// adminSession is where organisers sign in and out.
const adminSession = "/admin/api/session"

// PublicRoutes are what players and operators reach.
func (a *API) PublicRoutes() []Route {
	return []Route{
		{"GET", "/challenges", a.AsPlayer(a.player.ListChallenges)},
		{"GET", "/challenges/{id}", a.AsPlayer(a.player.GetChallenge)},
		{"GET", "/instances", a.AsPlayer(a.player.ListInstances)},
		{"GET", "/instances/{id}", a.AsPlayer(a.player.GetInstance)},
		{"DELETE", "/instances/{id}", a.AsPlayer(a.Limited(a.player.StopInstance))},
		{"POST", "/instances/spawn", a.AsPlayer(a.Limited(a.player.SpawnInstance))},
		{"POST", "/instances/{id}/extend", a.AsPlayer(a.Limited(a.player.ExtendInstance))},
		{"POST", "/instances/{id}/restart", a.AsPlayer(a.Limited(a.player.RestartInstance))},
		{"GET", "/events", a.AsPlayer(a.player.StreamEvents)},
		{"GET", "/me", a.AsPlayer(a.player.GetMe)},
		{"GET", "/me/team", a.AsPlayer(a.player.GetTeam)},
		{"GET", "/config", a.player.GetConfig},
		{"POST", "/auth/login", a.player.Login},
		{"GET", kit.OIDCPath, a.player.BeginSignIn},
		{"GET", kit.OIDCPath + "/callback", a.player.EndSignIn},
		{"POST", "/auth/logout", a.player.Logout},
		{"POST", "/auth/ticket", a.AsPlayer(a.player.MakeTicket)},
		{"POST", adminSession, a.admin.Login},
		{"DELETE", adminSession, a.admin.Logout},
		{"GET", wire.SignInPath, a.player.SignInToInstance},
		{"GET", "/go/{id}", a.player.GoToInstance},
		{"GET", "/go/{id}/{route}", a.player.GoToInstance},
		{"GET", connect.WindowPath, a.admin.WindowScript},
		{"POST", machine.RCTFPath, a.machine.AsRCTF(machine.RCTFGet, a.machine.RCTFStatus)},
		{"PUT", machine.RCTFPath, a.machine.AsRCTF(machine.RCTFCreate, a.machine.RCTFStart)},
		{"PATCH", machine.RCTFPath, a.machine.AsRCTF(machine.RCTFRenew, a.machine.RCTFExtend)},
		{"DELETE", machine.RCTFPath, a.machine.AsRCTF(machine.RCTFDelete, a.machine.RCTFStop)},
		{"GET", "/adapter/challenges", a.machine.AdapterChallenges},
		{"POST", "/adapter/events", a.machine.AdapterEvents},
		{"POST", "/adapter/sign-in", a.machine.AdapterSignIn},
		{"GET", "/health", a.getReady},
		{"GET", "/health/active", a.getActive},
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
		{"GET", wire.PathKeys, a.machine.GetKeys},
		{"POST", wire.PathWake, a.machine.WakeHost},
		{"POST", wire.PathStatus, a.machine.WatchHost},
		{"POST", wire.PathTicket, a.machine.RedeemTicket},
	}
}

// AdminRoutes are what organisers reach, on the public listener and as admins only.
func (a *API) AdminRoutes() []Route {
	return []Route{
		{"GET", "/admin/api/whoami", a.admin.GetAdmin},
		{"GET", "/admin/api/stats", a.admin.GetStats},
		{"GET", "/admin/api/stats/series", a.admin.GetSeries},
		{"GET", "/admin/api/instances", a.admin.ListInstances},
		{"POST", "/admin/api/instances/spawn", a.admin.SpawnInstance},
		{"POST", "/admin/api/instances/stop", a.admin.StopInstances},
		{"POST", "/admin/api/instances/restart", a.admin.RestartInstances},
		{"POST", "/admin/api/instances/extend", a.admin.ExtendInstances},
		{"GET", "/admin/api/owners", a.admin.ListOwners},
		{"GET", "/admin/api/owners/{id}", a.admin.GetOwner},
		{"GET", "/admin/api/instances/{id}", a.admin.GetInstance},
		{"DELETE", "/admin/api/instances/{id}", a.admin.StopInstance},
		{"POST", "/admin/api/instances/{id}/restart", a.admin.RestartInstance},
		{"POST", "/admin/api/instances/{id}/extend", a.admin.ExtendInstance},
		{"GET", "/admin/api/instances/{id}/logs", a.admin.FollowInstance},
		{"GET", "/admin/api/instances/{id}/metrics", a.admin.GetInstanceUsage},
		{"GET", "/admin/api/export/instances.csv", a.admin.ExportInstances},
		{"GET", "/admin/api/export/events.csv", a.admin.ExportEvents},
		{"GET", "/admin/api/export/flags.csv", a.admin.ExportFlags},
		{"GET", "/admin/api/export/suspicious.csv", a.admin.ExportSuspicious},
		{"GET", "/admin/api/export/ports.csv", a.admin.ExportPorts},
		{"GET", "/admin/api/user-ports", a.admin.ListUserPorts},
		{"DELETE", "/admin/api/user-ports", a.admin.ForgetUserPorts},
		{"DELETE", "/admin/api/user-ports/{user_id}", a.admin.ForgetUserPorts},
		{"GET", "/admin/api/port-stats", a.admin.PortStats},
		{"GET", "/admin/api/logs", a.admin.ListEvents},
		{"GET", "/admin/api/logs/stats", a.admin.GetEventStats},
		{"GET", "/admin/api/events", a.admin.StreamAdminEvents},
		{"GET", "/admin/api/forensics/stats", a.admin.GetForensicsStats},
		{"POST", "/admin/api/forensics/toggle", a.admin.ToggleForensics},
		{"GET", "/admin/api/forensics/logs", a.admin.ListCaptures},
		{"DELETE", "/admin/api/forensics/logs", a.admin.DeleteCaptures},
		{"GET", "/admin/api/forensics/logs/{id}", a.admin.GetCapture},
		{"DELETE", "/admin/api/forensics/logs/{id}", a.admin.DeleteCapture},
		{"POST", "/admin/api/forensics/live-capture/{id}", a.admin.CaptureLive},
		{"POST", "/admin/api/forensics/cleanup", a.admin.CleanCaptures},
		{"GET", "/admin/api/monitoring/system", a.admin.GetSystemUsage},
		{"GET", "/admin/api/monitoring/instances", a.admin.ListUsage},
		{"GET", "/admin/api/settings", a.admin.ListSettings},
		{"PUT", "/admin/api/settings", a.admin.ChangeSettings},
		{"POST", "/admin/api/settings/load", a.admin.LoadSettings},
		{"GET", "/admin/api/settings/history", a.admin.ListSettingChanges},
		{"DELETE", "/admin/api/settings/{key}", a.admin.ResetSetting},
		{"GET", "/admin/api/variables", a.admin.ListVariables},
		{"PUT", "/admin/api/variables", a.admin.SetVariable},
		{"DELETE", "/admin/api/variables/{key}", a.admin.RemoveVariable},
		{"GET", "/admin/api/challenges/list", a.admin.ListChallenges},
		{"GET", "/admin/api/challenges/settings", a.admin.ChallengeSettings},
		{"POST", "/admin/api/challenges/upload", a.admin.UploadChallenge},
		{"POST", "/admin/api/challenges/import", a.admin.Import},
		{"POST", "/admin/api/challenges/reload", a.admin.ReloadChallenges},
		{"DELETE", "/admin/api/challenges/{id}", a.admin.DeleteChallenge},
		{"POST", "/admin/api/challenges/{id}/reload", a.admin.ReloadChallenge},
		{"GET", "/admin/api/challenges/{id}/build", a.admin.GetBuild},
		{"POST", "/admin/api/challenges/{id}/build", a.admin.BuildAgain},
		{"POST", "/admin/api/rehearsal", a.admin.BeginRehearsal},
		{"GET", "/admin/api/rehearsal/{id}", a.admin.GetRehearsal},
		{"POST", "/admin/api/rehearsal/{id}/act", a.admin.ActInRehearsal},
		{"DELETE", "/admin/api/rehearsal/{id}", a.admin.EndRehearsal},
		{"GET", "/admin/api/solvers", a.admin.ListSolvers},
		{"GET", "/admin/api/challenges/{id}/solver", a.admin.GetSolver},
		{"POST", "/admin/api/challenges/{id}/solver", a.admin.AskSolver},
		{"GET", "/admin/api/challenges/{id}/revisions", a.admin.ListRevisions},
		{"GET", "/admin/api/challenges/{id}/revisions/{revision}/changes", a.admin.CompareRevisions},
		{"POST", "/admin/api/challenges/{id}/revisions/{revision}/rollback", a.admin.RollBack},
		{"GET", "/admin/api/challenges/{id}/archive", a.admin.DownloadChallenge},
		{"POST", "/admin/api/challenges/{id}/toggle", a.admin.ToggleChallenge},
		{"PUT", "/admin/api/challenges/{id}/resources", a.admin.SetResources},
		{"PUT", "/admin/api/challenges/{id}/release", a.admin.SetRelease},
		{"GET", "/admin/api/challenges/{id}/files", a.admin.ListFiles},
		{"GET", "/admin/api/challenges/{id}/files/{path}", a.admin.ReadFile},
		{"PUT", "/admin/api/challenges/{id}/files/{path}", a.admin.WriteFile},
		{"POST", "/admin/api/challenges/{id}/files/{path}", a.admin.CreateFile},
		{"DELETE", "/admin/api/challenges/{id}/files/{path}", a.admin.DeleteFile},
		{"GET", "/admin/api/drafts", a.admin.ListDrafts},
		{"POST", "/admin/api/drafts", a.admin.UploadDraft},
		{"GET", "/admin/api/drafts/{id}", a.admin.GetDraft},
		{"DELETE", "/admin/api/drafts/{id}", a.admin.DiscardDraft},
		{"GET", "/admin/api/drafts/{id}/changes", a.admin.CompareDraft},
		{"POST", "/admin/api/drafts/{id}/publish", a.admin.PublishDraft},
		{"GET", "/admin/api/drafts/{id}/trial", a.admin.GetTrial},
		{"POST", "/admin/api/drafts/{id}/trial", a.admin.BeginTrial},
		{"DELETE", "/admin/api/drafts/{id}/trial", a.admin.EndTrial},
		{"GET", "/admin/api/drafts/{id}/files", a.admin.ListDraftFiles},
		{"GET", "/admin/api/drafts/{id}/files/{path}", a.admin.ReadDraftFile},
		{"PUT", "/admin/api/drafts/{id}/files/{path}", a.admin.WriteDraftFile},
		{"POST", "/admin/api/drafts/{id}/files/{path}", a.admin.CreateDraftFile},
		{"DELETE", "/admin/api/drafts/{id}/files/{path}", a.admin.DeleteDraftFile},
		{"GET", "/admin/api/flags", a.admin.FlagStats},
		{"GET", "/admin/api/flags/mappings", a.admin.ListFlags},
		{"POST", "/admin/api/flags/check-submissions", a.admin.CheckSubmissions},
		{"GET", "/admin/api/flags/suspicious", a.admin.ListSuspicious},
		{"DELETE", "/admin/api/flags/suspicious", a.admin.ClearSuspicious},
		{"PATCH", "/admin/api/flags/suspicious/{id}", a.admin.ReviewSuspicious},
		{"POST", "/admin/api/flags/sync-challenge", a.admin.SyncChallenge},
		{"DELETE", "/admin/api/flags/mapping/{id}", a.admin.DeleteMapping},
		{"POST", "/admin/api/flags/mapping/{id}/sync-connection-info", a.admin.SyncConnectionInfo},
		{"DELETE", "/admin/api/flags/user/{id}", a.admin.DeleteFlagsOf},
		{"DELETE", "/admin/api/flags/{id}", a.admin.DeleteFlag},
		{"POST", "/admin/api/flags/{id}/rotate", a.admin.RotateFlag},
		{"GET", "/admin/api/ctfd/challenges", a.admin.CTFdChallenges},
		{"GET", "/admin/api/ctfd/connection", a.admin.GetConnection},
		{"POST", "/admin/api/ctfd/connection", a.admin.MakeConnection},
		{"DELETE", "/admin/api/ctfd/connection", a.admin.RemoveConnection},
		{"PUT", "/admin/api/ctfd/window", a.admin.SetWindow},
	}
}

// Public serves the public and the admins' routes; whatever they do not know is a page.
func (a *API) Public() http.Handler {
	routes := a.PublicRoutes()
	for _, route := range a.AdminRoutes() {
		route.handle = a.admin.AsAdmin(route.handle)
		routes = append(routes, route)
	}
	return kit.Secured(a.InTurn(a.Shared(a.SameOrigin(a.router(routes, a.Pages)))))
}

// Internal serves the internal routes.
func (a *API) Internal() http.Handler {
	return a.machine.WithPluginKey(a.router(
		a.InternalRoutes(), a.Wrap(func(http.ResponseWriter, *http.Request) error { return kit.ErrNotFound }),
	))
}

// router answers what is on the list, another method on one of its paths with 405, and leaves the rest to otherwise.
func (a *API) router(routes []Route, otherwise http.Handler) http.Handler {
	table := make([]router.Route, len(routes))
	for n, route := range routes {
		pattern := strings.ReplaceAll(route.Path, "{path}", "{path...}") // a path may have slashes
		table[n] = router.Route{Method: route.Method, Pattern: pattern, Handler: a.Wrap(route.handle)}
	}
	wrongMethod := a.Wrap(func(http.ResponseWriter, *http.Request) error { return kit.ErrMethod })
	return a.readable(router.New(table, otherwise, wrongMethod))
}

// readable refuses what a database takes for broken: text that is not UTF-8, and NUL.
func (a *API) readable(next http.Handler) http.Handler {
	refuse := a.Wrap(func(http.ResponseWriter, *http.Request) error { return kit.ErrUnreadable })
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
