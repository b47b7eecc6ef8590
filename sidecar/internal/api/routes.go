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
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Route is one operation, as openapi.yaml names it.
type Route struct {
	Method, Path string
	handle       kit.Handler
}

// AdminRoute is an operation of organisers, and the role that it takes.
type AdminRoute struct {
	Method, Path string
	Role         whaley.Role
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
//
// What changes nothing and shows no flag, no file and no output of a challenge is a viewer's. Instances, challenges and
// flags are operators'. Settings, keys, CTFd and what takes the whole host are admins'.
func (a *API) AdminRoutes() []AdminRoute {
	const viewer, operator, admin = whaley.RoleViewer, whaley.RoleOperator, whaley.RoleAdmin
	return []AdminRoute{
		{"GET", "/admin/api/whoami", viewer, a.admin.GetAdmin},
		{"GET", "/admin/api/stats", viewer, a.admin.GetStats},
		{"GET", "/admin/api/stats/series", viewer, a.admin.GetSeries},
		{"GET", "/admin/api/instances", viewer, a.admin.ListInstances},
		{"POST", "/admin/api/instances/spawn", operator, a.admin.SpawnInstance},
		{"POST", "/admin/api/instances/stop", operator, a.admin.StopInstances},
		{"POST", "/admin/api/instances/restart", operator, a.admin.RestartInstances},
		{"POST", "/admin/api/instances/extend", operator, a.admin.ExtendInstances},
		{"GET", "/admin/api/owners", viewer, a.admin.ListOwners},
		{"GET", "/admin/api/owners/{id}", viewer, a.admin.GetOwner},
		{"GET", "/admin/api/instances/{id}", viewer, a.admin.GetInstance},
		{"DELETE", "/admin/api/instances/{id}", operator, a.admin.StopInstance},
		{"POST", "/admin/api/instances/{id}/restart", operator, a.admin.RestartInstance},
		{"POST", "/admin/api/instances/{id}/extend", operator, a.admin.ExtendInstance},
		{"GET", "/admin/api/instances/{id}/logs", operator, a.admin.FollowInstance},
		{"GET", "/admin/api/instances/{id}/services/{service}/shell", operator, a.admin.OpenShell},
		{"GET", "/admin/api/instances/{id}/metrics", viewer, a.admin.GetInstanceUsage},
		{"GET", "/admin/api/export/instances.csv", viewer, a.admin.ExportInstances},
		{"GET", "/admin/api/export/events.csv", viewer, a.admin.ExportEvents},
		{"GET", "/admin/api/export/flags.csv", operator, a.admin.ExportFlags},
		{"GET", "/admin/api/export/suspicious.csv", viewer, a.admin.ExportSuspicious},
		{"GET", "/admin/api/export/ports.csv", viewer, a.admin.ExportPorts},
		{"GET", "/admin/api/user-ports", viewer, a.admin.ListUserPorts},
		{"DELETE", "/admin/api/user-ports", operator, a.admin.ForgetUserPorts},
		{"DELETE", "/admin/api/user-ports/{user_id}", operator, a.admin.ForgetUserPorts},
		{"GET", "/admin/api/port-stats", viewer, a.admin.PortStats},
		{"GET", "/admin/api/logs", viewer, a.admin.ListEvents},
		{"GET", "/admin/api/logs/stats", viewer, a.admin.GetEventStats},
		{"GET", "/admin/api/events", viewer, a.admin.StreamAdminEvents},
		{"GET", "/admin/api/forensics/stats", viewer, a.admin.GetForensicsStats},
		{"POST", "/admin/api/forensics/toggle", admin, a.admin.ToggleForensics},
		{"GET", "/admin/api/forensics/logs", operator, a.admin.ListCaptures},
		{"DELETE", "/admin/api/forensics/logs", operator, a.admin.DeleteCaptures},
		{"GET", "/admin/api/forensics/logs/{id}", operator, a.admin.GetCapture},
		{"DELETE", "/admin/api/forensics/logs/{id}", operator, a.admin.DeleteCapture},
		{"POST", "/admin/api/forensics/live-capture/{id}", operator, a.admin.CaptureLive},
		{"POST", "/admin/api/forensics/cleanup", operator, a.admin.CleanCaptures},
		{"GET", "/admin/api/monitoring/system", viewer, a.admin.GetSystemUsage},
		{"GET", "/admin/api/monitoring/instances", viewer, a.admin.ListUsage},
		{"GET", "/admin/api/settings", admin, a.admin.ListSettings},
		{"PUT", "/admin/api/settings", admin, a.admin.ChangeSettings},
		{"POST", "/admin/api/settings/load", admin, a.admin.LoadSettings},
		{"GET", "/admin/api/settings/history", admin, a.admin.ListSettingChanges},
		{"DELETE", "/admin/api/settings/{key}", admin, a.admin.ResetSetting},
		{"GET", "/admin/api/organisers", admin, a.admin.ListOrganisers},
		{"POST", "/admin/api/organisers", admin, a.admin.AddOrganiser},
		{"DELETE", "/admin/api/organisers/{id}", admin, a.admin.RevokeOrganiser},
		{"GET", "/admin/api/variables", admin, a.admin.ListVariables},
		{"PUT", "/admin/api/variables", admin, a.admin.SetVariable},
		{"DELETE", "/admin/api/variables/{key}", admin, a.admin.RemoveVariable},
		{"GET", "/admin/api/challenges/list", viewer, a.admin.ListChallenges},
		{"GET", "/admin/api/challenges/settings", viewer, a.admin.ChallengeSettings},
		{"POST", "/admin/api/challenges/upload", operator, a.admin.UploadChallenge},
		{"POST", "/admin/api/challenges/import", operator, a.admin.Import},
		{"POST", "/admin/api/challenges/reload", operator, a.admin.ReloadChallenges},
		{"DELETE", "/admin/api/challenges/{id}", operator, a.admin.DeleteChallenge},
		{"POST", "/admin/api/challenges/{id}/reload", operator, a.admin.ReloadChallenge},
		{"GET", "/admin/api/challenges/{id}/build", operator, a.admin.GetBuild},
		{"POST", "/admin/api/challenges/{id}/build", operator, a.admin.BuildAgain},
		{"POST", "/admin/api/rehearsal", admin, a.admin.BeginRehearsal},
		{"GET", "/admin/api/rehearsal/{id}", admin, a.admin.GetRehearsal},
		{"POST", "/admin/api/rehearsal/{id}/act", admin, a.admin.ActInRehearsal},
		{"DELETE", "/admin/api/rehearsal/{id}", admin, a.admin.EndRehearsal},
		{"GET", "/admin/api/solvers", viewer, a.admin.ListSolvers},
		{"GET", "/admin/api/challenges/{id}/solver", viewer, a.admin.GetSolver},
		{"POST", "/admin/api/challenges/{id}/solver", operator, a.admin.AskSolver},
		{"GET", "/admin/api/challenges/{id}/revisions", viewer, a.admin.ListRevisions},
		{"GET", "/admin/api/challenges/{id}/revisions/{revision}/changes", operator, a.admin.CompareRevisions},
		{"POST", "/admin/api/challenges/{id}/revisions/{revision}/rollback", operator, a.admin.RollBack},
		{"GET", "/admin/api/challenges/{id}/archive", operator, a.admin.DownloadChallenge},
		{"POST", "/admin/api/challenges/{id}/toggle", operator, a.admin.ToggleChallenge},
		{"PUT", "/admin/api/challenges/{id}/resources", operator, a.admin.SetResources},
		{"PUT", "/admin/api/challenges/{id}/release", operator, a.admin.SetRelease},
		{"GET", "/admin/api/challenges/{id}/files", operator, a.admin.ListFiles},
		{"GET", "/admin/api/challenges/{id}/files/{path}", operator, a.admin.ReadFile},
		{"PUT", "/admin/api/challenges/{id}/files/{path}", operator, a.admin.WriteFile},
		{"POST", "/admin/api/challenges/{id}/files/{path}", operator, a.admin.CreateFile},
		{"DELETE", "/admin/api/challenges/{id}/files/{path}", operator, a.admin.DeleteFile},
		{"GET", "/admin/api/drafts", operator, a.admin.ListDrafts},
		{"POST", "/admin/api/drafts", operator, a.admin.UploadDraft},
		{"GET", "/admin/api/drafts/{id}", operator, a.admin.GetDraft},
		{"DELETE", "/admin/api/drafts/{id}", operator, a.admin.DiscardDraft},
		{"GET", "/admin/api/drafts/{id}/changes", operator, a.admin.CompareDraft},
		{"POST", "/admin/api/drafts/{id}/publish", operator, a.admin.PublishDraft},
		{"GET", "/admin/api/drafts/{id}/trial", operator, a.admin.GetTrial},
		{"POST", "/admin/api/drafts/{id}/trial", operator, a.admin.BeginTrial},
		{"DELETE", "/admin/api/drafts/{id}/trial", operator, a.admin.EndTrial},
		{"GET", "/admin/api/drafts/{id}/files", operator, a.admin.ListDraftFiles},
		{"GET", "/admin/api/drafts/{id}/files/{path}", operator, a.admin.ReadDraftFile},
		{"PUT", "/admin/api/drafts/{id}/files/{path}", operator, a.admin.WriteDraftFile},
		{"POST", "/admin/api/drafts/{id}/files/{path}", operator, a.admin.CreateDraftFile},
		{"DELETE", "/admin/api/drafts/{id}/files/{path}", operator, a.admin.DeleteDraftFile},
		{"GET", "/admin/api/flags", viewer, a.admin.FlagStats},
		{"GET", "/admin/api/flags/mappings", operator, a.admin.ListFlags},
		{"POST", "/admin/api/flags/check-submissions", operator, a.admin.CheckSubmissions},
		{"GET", "/admin/api/flags/suspicious", viewer, a.admin.ListSuspicious},
		{"DELETE", "/admin/api/flags/suspicious", operator, a.admin.ClearSuspicious},
		{"PATCH", "/admin/api/flags/suspicious/{id}", operator, a.admin.ReviewSuspicious},
		{"POST", "/admin/api/flags/sync-challenge", admin, a.admin.SyncChallenge},
		{"DELETE", "/admin/api/flags/mapping/{id}", admin, a.admin.DeleteMapping},
		{"POST", "/admin/api/flags/mapping/{id}/sync-connection-info", admin, a.admin.SyncConnectionInfo},
		{"DELETE", "/admin/api/flags/user/{id}", operator, a.admin.DeleteFlagsOf},
		{"DELETE", "/admin/api/flags/{id}", operator, a.admin.DeleteFlag},
		{"POST", "/admin/api/flags/{id}/rotate", operator, a.admin.RotateFlag},
		{"GET", "/admin/api/ctfd/challenges", operator, a.admin.CTFdChallenges},
		{"GET", "/admin/api/ctfd/connection", viewer, a.admin.GetConnection},
		{"POST", "/admin/api/ctfd/connection", admin, a.admin.MakeConnection},
		{"DELETE", "/admin/api/ctfd/connection", admin, a.admin.RemoveConnection},
		{"PUT", "/admin/api/ctfd/window", admin, a.admin.SetWindow},
	}
}

// Public serves the public and the admins' routes; whatever they do not know is a page.
func (a *API) Public() http.Handler {
	routes := a.PublicRoutes()
	for _, route := range a.AdminRoutes() {
		routes = append(routes, Route{route.Method, route.Path, a.admin.AsAdmin(route.Role, route.handle)})
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
	refuseRCTF := a.Wrap(machine.RefuseRCTF(kit.ErrUnreadable))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil || !plain(r.URL.Path) || !plain(query) {
			if r.URL.Path == machine.RCTFPath {
				refuseRCTF.ServeHTTP(w, r)
				return
			}
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
