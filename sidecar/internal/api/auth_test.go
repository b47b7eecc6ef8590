package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/limit"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// competition is a surface whose players come from a CTFd with two teams.
type competition struct {
	*surface
	ctfd                           *ctfdtest.Server
	red, blue                      int
	alice, bob, carol              int // alice and bob are red, carol is blue
	aliceToken, bobToken, carolKey string
}

const proxy = "203.0.113.9" // the only address whose X-Forwarded-For is believed

func newCompetition(t testing.TB, limits api.Limits, with ...func(*api.Needs, *api.Options)) *competition {
	t.Helper()
	return newCompetitionAsking(t, 20*time.Millisecond, limits, with...)
}

// newCompetitionAsking believes CTFd for a time.
func newCompetitionAsking(
	t testing.TB, fresh time.Duration, limits api.Limits, with ...func(*api.Needs, *api.Options),
) *competition {
	t.Helper()
	c := &competition{ctfd: ctfdtest.New(t)}
	c.ctfd.SetMode("teams")
	c.red, c.blue = c.ctfd.AddTeam(ctfdtest.Team{Name: "red"}), c.ctfd.AddTeam(ctfdtest.Team{Name: "blue"})
	c.alice = c.ctfd.AddUser(ctfdtest.User{Name: "alice", Team: c.red})
	c.bob = c.ctfd.AddUser(ctfdtest.User{Name: "bob", Team: c.red})
	c.carol = c.ctfd.AddUser(ctfdtest.User{Name: "carol", Team: c.blue})
	c.aliceToken, c.bobToken, c.carolKey = c.ctfd.Token(c.alice), c.ctfd.Token(c.bob), c.ctfd.Token(c.carol)
	ctfdMode := func(n *api.Needs, o *api.Options) {
		log := slog.New(slog.DiscardHandler)
		client, err := ctfd.New(c.ctfd.URL, ctfd.Fixed(c.ctfd.Admin), log)
		if err != nil {
			t.Fatal(err)
		}
		n.Players = identity.NewPlayers(
			client, n.Sessions, identity.PlayersOptions{TeamMode: identity.TeamsAuto, Fresh: fresh}, log,
		)
		db := n.AdminQueries.(*store.Store)
		n.Connection = connect.New(client, db, connect.Options{Dashboard: o.Dashboard.String(), Public: c.ctfd.URL}, log)
		n.Flags = flag.New(db, client, n.Challenges, flag.Options{}, log)
		n.Cheating = cheating.New(cheating.Needs{
			Store: db, CTFd: client, Challenges: n.Challenges, Missing: n.Flags.Recheck, Log: log,
		}, cheating.Options{})
		n.Limiter = limit.NewLocal()
		n.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<!doctype html><title>Not found</title>")
		})
		o.AuthMode, o.Trusted = wire.AuthCTFd, []netip.Prefix{netip.MustParsePrefix(proxy + "/32")}
		o.Limits = func() api.Limits { return limits }
		o.CTFdURL = c.ctfd.URL
	}
	c.surface = newSurfaceOn(
		t, simulated.NewWorld().Engine("test"), append([]func(*api.Needs, *api.Options){ctfdMode}, with...)...,
	)
	return c
}

// signIn is the header with which a browser comes back that has signed in.
func (c *competition) signIn(token string) []string {
	c.t.Helper()
	w := c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"token":%q}`, token))
	if w.Code != http.StatusOK {
		c.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return []string{"Cookie", cookiesOf(w)}
}

// cookiesOf is what a browser sends back.
func cookiesOf(w *httptest.ResponseRecorder) string {
	var all []string
	for _, c := range w.Result().Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func (c *competition) host(header ...string) string {
	c.t.Helper()
	var ch struct{ Routes []struct{ Host string } }
	c.into(c.call(alice, "GET", "/challenges/quick", "", header...), &ch)
	return ch.Routes[0].Host
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// eventually asks until an answer has a status.
func (c *competition) eventually(status int, ask func() *httptest.ResponseRecorder) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w := ask()
		if w.Code == status {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("not %d, still %d %s", status, w.Code, w.Body)
		}
	}
}

func TestSigningInGivesASessionThatEndsWithSigningOut(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	w := c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"token":" %s\n"}`, c.aliceToken))
	var me struct {
		User, Owner struct{ ID, Name string }
		TeamMode    bool `json:"team_mode"`
	}
	c.into(w, &me)
	if w.Code != 200 || me.User.Name != "alice" || me.Owner.ID != "team_1" || me.Owner.Name != "red" || !me.TeamMode {
		t.Errorf("%d %+v", w.Code, me)
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" || cookie.Path != "/" ||
		cookie.MaxAge < 12*3600 || strings.Contains(cookie.Value, c.aliceToken) {
		t.Errorf("%+v", cookie)
	}
	header := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	if w := c.call(alice, "GET", "/me", "", header...); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := c.call(alice, "POST", "/auth/logout", "", header...); w.Code != 204 ||
		!strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	c.refused(c.call(alice, "GET", "/me", "", header...), 401, "session_over")
	if w := c.call(alice, "POST", "/auth/logout", ""); w.Code != 204 {
		t.Errorf("without a session: %d", w.Code)
	}
}

func TestOnHTTPSTheSessionsCookieCannotBeSetByAnotherHost(t *testing.T) {
	c := newCompetition(
		t, api.Limits{}, func(_ *api.Needs, o *api.Options) { o.Dashboard, _ = url.Parse("https://whaley.example.org") },
	)
	header := c.signIn(c.aliceToken)
	if !strings.HasPrefix(header[1], "__Host-whaley_session=") {
		t.Errorf("%s", header[1])
	}
	if w := c.call(alice, "GET", "/me", "", header...); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	c.refused(c.call(alice, "GET", "/me", "", "Cookie", strings.TrimPrefix(header[1], "__Host-")), 401, "player_unknown")
}

func TestScriptsShowTheirTokenAndNobodyElseIsAPlayer(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	expired := c.ctfd.TokenUntil(c.alice, time.Now().Add(-time.Minute))
	for _, path := range []string{
		"/me", "/me/team", "/challenges", "/challenges/quick", "/instances", "/instances/x", "/events",
	} {
		c.refused(c.call(alice, "GET", path, ""), 401, "player_unknown")
		c.refused(c.call(alice, "GET", path, "", bearer("ctfd_0")...), 401, "token_refused")
		c.refused(c.call(alice, "GET", path, "", bearer(expired)...), 401, "token_refused")
		c.refused(c.call(alice, "GET", path, "", "Authorization", "Basic "+c.aliceToken), 401, "player_unknown")
		c.refused(c.call("10.194.0.2", "GET", path, "", bearer(c.aliceToken)...), 401, "player_unknown") // a container
	}
	if w := c.call(alice, "GET", "/challenges", "", bearer(c.aliceToken)...); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var team struct{ Members []struct{ Name string } }
	if c.into(c.call(alice, "GET", "/me/team", "", bearer(c.aliceToken)...), &team); len(team.Members) != 2 {
		t.Errorf("%+v", team)
	}
	if c.host(bearer(c.aliceToken)...) != c.host(bearer(c.bobToken)...) ||
		c.host(bearer(c.aliceToken)...) == c.host(bearer(c.carolKey)...) {
		t.Error("a team does not share its hosts, or shares them with another")
	}
}

func TestWhoMayNotPlayIsRefusedEverywhere(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header := c.signIn(c.aliceToken)
	for code, change := range map[string]func(*ctfdtest.User){
		"team_required": func(u *ctfdtest.User) { u.Team = 0 }, "player_banned": func(u *ctfdtest.User) { u.Banned = true },
	} {
		c.ctfd.ChangeUser(c.alice, change)
		c.eventually(403, func() *httptest.ResponseRecorder { return c.call(alice, "GET", "/me", "", header...) })
		for _, r := range [][3]string{
			{"GET", "/me", ""}, {"GET", "/me/team", ""}, {"GET", "/challenges", ""}, {"GET", "/instances", ""},
			{"GET", "/events", ""},
			{"POST", "/instances/spawn", `{"challenge_id":"quick"}`}, {"DELETE", "/instances/x", ""},
			{"POST", "/instances/x/extend", ""}, {"POST", "/auth/ticket", `{"host":"x"}`},
		} {
			c.refused(c.call(alice, r[0], r[1], r[2], header...), 403, code)
			c.refused(c.call(alice, r[0], r[1], r[2], bearer(c.aliceToken)...), 403, code)
		}
		c.refused(c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"token":%q}`, c.aliceToken)), 403, code)
		c.ctfd.ChangeUser(c.alice, func(u *ctfdtest.User) { u.Banned, u.Team = false, c.red })
		c.eventually(200, func() *httptest.ResponseRecorder { return c.call(alice, "GET", "/me", "", header...) })
	}
}

func TestWhoeverChangesTheirTeamLosesTheOldOnesInstances(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header, host := c.signIn(c.aliceToken), ""
	host = c.host(header...)
	var in instance
	if w := c.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, header...); w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	} else {
		c.into(w, &in)
	}
	if w := c.call(bob, "GET", "/instances/"+in.ID, "", bearer(c.bobToken)...); w.Code != 200 {
		t.Errorf("a member of the team: %d", w.Code)
	}
	c.refused(c.call(bob, "GET", "/instances/"+in.ID, "", bearer(c.carolKey)...), 404, "instance_not_found")
	var ticket struct{ Ticket, Curl string }
	c.into(c.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, host), header...), &ticket)

	c.ctfd.ChangeUser(c.alice, func(u *ctfdtest.User) { u.Team = c.blue })
	c.eventually(
		404, func() *httptest.ResponseRecorder { return c.call(alice, "GET", "/instances/"+in.ID, "", header...) },
	)
	for _, method := range []string{"GET", "DELETE"} {
		c.refused(c.call(alice, method, "/instances/"+in.ID, "", header...), 404, "instance_not_found")
	}
	c.refused(c.call(alice, "POST", "/instances/"+in.ID+"/extend", "", header...), 404, "instance_not_found")
	if c.host(header...) == host {
		t.Error("the host is the old team's")
	}
	c.refused(c.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, host), header...), 404, "not_found")
	if s := c.resolve(host, ticket.Ticket); s.Mine || !s.Revoked {
		t.Errorf("the ticket still counts: %+v", s)
	}
	if w := c.call(bob, "GET", "/instances/"+in.ID, "", bearer(c.bobToken)...); w.Code != 200 {
		t.Errorf("who stayed: %d", w.Code)
	}
}

// resolve asks as the plugin does that has verified a ticket.
func (c *competition) resolve(host, ticket string) wire.HostStatus {
	c.t.Helper()
	q := wire.HostRequest{Host: host}
	claims := claimsOf(c.t, ticket)
	q.Owner, q.Player, q.Session = claims.Owner, claims.Player, claims.Session
	text, _ := json.Marshal(q)
	var s wire.HostStatus
	c.into(c.call("", "POST", wire.PathStatus, string(text), "Authorization", "Bearer "+pluginKey), &s)
	return s
}

func TestATicketThatEndsIsRenewedWhileItsSignInLasts(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header := c.signIn(c.aliceToken)
	host := c.host(header...)
	var given struct{ Ticket string }
	c.into(c.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, host), header...), &given)
	claims := claimsOf(t, given.Ticket)
	ask := func(session string, expires time.Time) (s wire.HostStatus) {
		q := wire.HostRequest{Host: host, Owner: claims.Owner, Player: claims.Player, Session: session}
		if !expires.IsZero() {
			q.Expires = expires.Unix()
		}
		text, _ := json.Marshal(q)
		c.into(c.call("", "POST", wire.PathStatus, string(text), "Authorization", "Bearer "+pluginKey), &s)
		return s
	}
	for _, left := range []time.Duration{-30 * time.Hour, -time.Second, 5 * time.Hour} {
		s := ask(claims.Session, time.Now().Add(left))
		if got := claimsOf(t, s.Ticket); !s.Mine || got.Session != claims.Session || got.Host != host ||
			got.Owner != claims.Owner || got.Expires != s.TicketExpires || s.TicketExpires < time.Now().Add(11*time.Hour).Unix() {
			t.Errorf("%s: %+v %+v", left, s, got)
		}
	}
	if s := ask(claims.Session, time.Time{}); s.Ticket != "" {
		t.Error("one that nobody wanted")
	}
	if s := ask(claims.Session, time.Now().Add(8*time.Hour)); s.Ticket != "" {
		t.Error("one that lasts a while yet")
	}
	if s := ask("", time.Now()); s.Ticket != "" {
		t.Error("one that no sign-in ends")
	}
	c.call(alice, "POST", "/auth/logout", "", header...)
	if s := ask(claims.Session, time.Now()); s.Ticket != "" || !s.Revoked {
		t.Errorf("after signing out: %+v", s)
	}
}

func TestATicketEndsWithSigningOut(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header := c.signIn(c.aliceToken)
	host := c.host(header...)
	var ticket struct{ Header, Ticket, Curl, URL string }
	c.into(c.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, host), header...), &ticket)
	if want := "curl -H 'X-Whaley-Ticket: " + ticket.Ticket + "' --resolve " + host + ":8080:127.0.0.1 http://" +
		host + ":8080/"; ticket.Curl != want || ticket.Header != wire.TicketHeader {
		t.Errorf("%s\nwant %s", ticket.Curl, want)
	}
	if s := c.resolve(host, ticket.Ticket); !s.Mine || s.Revoked || s.State != wire.StateAsleep {
		t.Errorf("%+v", s)
	}
	for what, other := range map[string]string{
		"another team's": c.host(bearer(c.carolKey)...), "none": "quick-aaaaaaaaaaaaa.instances.localhost",
		"no host": "evil.example",
	} {
		w := c.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, other), header...)
		if c.refused(w, 404, "not_found"); strings.Contains(w.Body.String(), "red") {
			t.Errorf("%s: %s", what, w.Body)
		}
	}
	c.call(alice, "POST", "/auth/logout", "", header...)
	if s := c.resolve(host, ticket.Ticket); s.Mine || !s.Revoked || s.State != wire.StateUnknown {
		t.Errorf("after signing out: %+v", s)
	}
}

func TestABrowserThatOpensAnInstanceIsSignedInOnTheWay(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header := c.signIn(c.aliceToken)
	host := c.host(header...)
	path := wire.SignInPath + "?" +
		url.Values{"host": {host}, "nonce": {"0123456789abcdef"}, "path": {"/a?b=c&d"}}.Encode()
	w := c.call(alice, "GET", path, "", "Accept", "text/html")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != 303 || to.Host != "" || to.Path != "/login" || to.Query().Get("next") != path {
		t.Fatalf("%d %s", w.Code, to)
	}
	c.refused(c.call(alice, "GET", path, ""), 401, "player_unknown")
	w = c.call(alice, "GET", to.Query().Get("next"), "", append(header, "Accept", "text/html")...)
	if to, err = url.Parse(w.Header().Get("Location")); err != nil || w.Code != 303 || to.Hostname() != host ||
		to.Query().Get("path") != "/a?b=c&d" {
		t.Errorf("%d %s", w.Code, to)
	}
	other := strings.Replace(path, host, c.host(bearer(c.carolKey)...), 1)
	none := strings.Replace(path, host, "quick-aaaaaaaaaaaaa.instances.localhost", 1)
	for _, accept := range []string{"text/html", "*/*"} {
		a, b := c.call(alice, "GET", other, "", append(header, "Accept", accept)...), c.call(
			alice, "GET", none, "", append(header, "Accept", accept)...,
		)
		if a.Code != 404 || b.Code != 404 || withoutID(a.Body.String()) != withoutID(b.Body.String()) {
			t.Errorf("another's host is told from none: %d %s, %d %s", a.Code, a.Body, b.Code, b.Body)
		}
	}
	c.ctfd.ChangeUser(c.alice, func(u *ctfdtest.User) { u.Banned = true })
	c.eventually(403, func() *httptest.ResponseRecorder { return c.call(alice, "GET", "/me", "", header...) })
	if w := c.call(alice, "GET", path, "", append(header, "Accept", "text/html")...); w.Code != 303 ||
		w.Header().Get("Location") != "/" {
		t.Errorf("who is banned is not told by the dashboard: %d %v", w.Code, w.Header())
	}
}

func withoutID(body string) string {
	var p wire.Problem
	if json.Unmarshal([]byte(body), &p) != nil {
		return body
	}
	p.RequestID = ""
	return fmt.Sprint(p)
}

func TestLoginCSRFIsRefused(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	body := fmt.Sprintf(`{"token":%q}`, c.carolKey)
	for what, header := range map[string][]string{
		"a page of another site":          {"Sec-Fetch-Site", "cross-site"},
		"an instance, which is a sibling": {"Sec-Fetch-Site", "same-site"},
		"by its origin":                   {"Origin", "http://quick-aaaaaaaaaaaaa.instances.localhost:8080"},
		"a sandboxed frame":               {"Origin", "null"},
		"with a token beside":             {"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer " + c.carolKey},
	} {
		w := c.call(alice, "POST", "/auth/login", body, header...)
		if what == "with a token beside" {
			// The browser asks first whether it may send that header, and is not told that it may.
			pre := c.preflight("/auth/login")
			if pre.Header().Get("Access-Control-Allow-Headers") != "" {
				t.Errorf("%s: %v", what, pre.Header())
			}
			continue
		}
		if c.refused(w, 403, "cross_origin"); len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %v", what, w.Header())
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
		r := httptest.NewRequest("POST", "/auth/login", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		c.public.ServeHTTP(w, r)
		if w.Code != 422 {
			t.Errorf("a form of type %q: %d %s", kind, w.Code, w.Body)
		}
	}
}

func (c *competition) preflight(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("OPTIONS", path, nil)
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	w := httptest.NewRecorder()
	c.public.ServeHTTP(w, r)
	return w
}

func TestAnotherSitesPageWritesNothingWithAPlayersCookie(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	header := c.signIn(c.aliceToken)
	for _, where := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"},
	} {
		for _, r := range [][2]string{
			{"POST", "/instances/spawn"}, {"DELETE", "/instances/x"}, {"POST", "/instances/x/extend"}, {"POST", "/auth/logout"},
			{"POST", "/auth/ticket"},
		} {
			c.refused(c.call(alice, r[0], r[1], `{}`, append(header, where...)...), 403, "cross_origin")
		}
		for _, r := range c.api.AdminRoutes() {
			if r.Method != "GET" {
				c.refused(c.call(alice, r.Method, r.Path, `{}`, append(header, where...)...), 403, "cross_origin")
			}
		}
	}
	if w := c.call(alice, "GET", "/me", "", header...); w.Code != 200 {
		t.Errorf("signed out by one of them: %d", w.Code)
	}
}

func TestOtherSitesMayUseATokenAndNeverACookie(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	w := c.preflight("/instances/spawn")
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" ||
		w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := c.call(
		alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`,
		append(bearer(c.aliceToken), "Origin", "https://tool.example", "Sec-Fetch-Site", "cross-site")...,
	); w.Code != 202 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// A token beside somebody's cookie is who it says, and not who the cookie says.
	header := c.signIn(c.aliceToken)
	var me struct{ User struct{ Name string } }
	if c.into(c.call(alice, "GET", "/me", "", append(bearer(c.carolKey), header...)...), &me); me.User.Name != "carol" {
		t.Errorf("%+v", me)
	}
	for _, path := range []string{"/admin/api/whoami", "/auth/login", "/auth/instance"} {
		if w := c.preflight(path); w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	plain := newSurfaceOn(t, simulated.NewWorld().Engine("test"))
	if w := plain.call(alice, "GET", "/me", "", "Origin", "https://evil.example"); w.Header().Get(
		"Access-Control-Allow-Origin",
	) != "" {
		t.Error("where an address is enough, another site's page reads what is the player's")
	}
}

func TestTwoSessionCookiesAreNone(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	mine, theirs := c.signIn(c.aliceToken), c.signIn(c.carolKey)
	for _, both := range []string{mine[1] + "; " + theirs[1], theirs[1] + "; " + mine[1]} {
		c.refused(c.call(alice, "GET", "/me", "", "Cookie", both), 401, "player_unknown")
	}
	if w := c.call(alice, "GET", "/me", "", "Cookie", mine[1]+"; "+mine[1]); w.Code != 200 {
		t.Errorf("twice the same: %d", w.Code)
	}
}

func TestPlayersAreLimitedAndWakingIsNot(t *testing.T) {
	c := newCompetition(t, api.Limits{Player: 10, Address: 15})
	spawn := func(address string, header ...string) *httptest.ResponseRecorder {
		return c.call(address, "POST", "/instances/spawn", `{"challenge_id":"none"}`, header...)
	}
	for range 10 {
		c.refused(spawn(alice, bearer(c.aliceToken)...), 404, "challenge_not_found")
	}
	w := spawn(bob, bearer(c.aliceToken)...) // from wherever
	if c.refused(w, 429, "too_fast"); w.Header().Get("Retry-After") == "" || w.Header().Get("Retry-After") == "0" {
		t.Errorf("%v", w.Header())
	}
	c.refused(c.call(alice, "DELETE", "/instances/x", "", c.signIn(c.aliceToken)...), 429, "too_fast")
	c.refused(c.call(alice, "POST", "/instances/x/extend", "", bearer(c.aliceToken)...), 429, "too_fast")
	for range 5 {
		c.refused(spawn(alice, bearer(c.carolKey)...), 404, "challenge_not_found")
	}
	c.refused(spawn(alice, bearer(c.bobToken)...), 429, "too_fast") // the address has had its 15
	c.refused(
		c.call(
			alice, "POST", "/instances/spawn", `{"challenge_id":"none"}`,
			append(bearer(c.bobToken), "X-Forwarded-For", "198.51.100.77")...,
		),
		429, "too_fast",
	)
	c.refused(
		c.call(
			proxy, "POST", "/instances/spawn", `{"challenge_id":"none"}`,
			append(bearer(c.bobToken), "X-Forwarded-For", "198.51.100.78")...,
		),
		404, "challenge_not_found",
	)
	for range 30 {
		if w := c.call(alice, "GET", "/instances", "", bearer(c.aliceToken)...); w.Code != 200 {
			t.Fatalf("reading is limited: %d", w.Code)
		}
	}
	host := c.host(bearer(c.aliceToken)...)
	ask := fmt.Sprintf(
		`{"host":%q,"owner":"team_1","player":"user_%d","address":%q,"wait_ms":10000}`, host, c.alice, alice,
	)
	var status wire.HostStatus
	c.into(c.call("", "POST", wire.PathWake, ask, "Authorization", "Bearer "+pluginKey), &status)
	if !status.Mine || status.Problem != nil || status.State == wire.StateAsleep {
		t.Errorf("opening an address is limited: %+v", status)
	}
}

func TestGuessedTokensAreCountedBeforeCTFdIsAsked(t *testing.T) {
	c := newCompetition(t, api.Limits{Attempts: 5})
	for n := range 8 {
		w := c.call(alice, "GET", "/me", "", bearer(fmt.Sprintf("ctfd_%064d", n))...)
		if want := map[bool]int{true: 401, false: 429}[n < 5]; w.Code != want {
			t.Errorf("%d: %d, want %d", n, w.Code, want)
		}
	}
	if n := c.ctfd.Calls("GET /api/v1/users/me"); n != 5 {
		t.Errorf("CTFd was asked %d times", n)
	}
	if w := c.call(bob, "GET", "/me", "", bearer(c.bobToken)...); w.Code != 200 {
		t.Errorf("another address: %d", w.Code)
	}
}

func TestAdminsAreCountedBeforeTheirKeyIsLookedAt(t *testing.T) {
	c := newCompetition(t, api.Limits{Admin: 150})
	for n := range 150 {
		key := "wrong"
		if n%2 == 0 {
			key = adminKey
		}
		if w := c.call(alice, "GET", "/admin/api/whoami", "", "X-Admin-Key", key); w.Code == 429 {
			t.Fatalf("number %d", n)
		}
	}
	c.refused(c.call(alice, "GET", "/admin/api/whoami", "", "X-Admin-Key", adminKey), 429, "too_fast")
	c.refused(c.call(alice, "POST", "/admin/api/session", fmt.Sprintf(`{"key":%q}`, adminKey)), 429, "too_fast")
	// What a stranger says of their address counts for nothing; what a trusted proxy says counts.
	c.refused(
		c.call(
			alice, "GET", "/admin/api/whoami", "", "X-Admin-Key", adminKey, "X-Forwarded-For", "198.51.100.1", "X-Real-Ip",
			"198.51.100.1", "Forwarded", "for=198.51.100.1",
		),
		429, "too_fast",
	)
	if w := c.call(
		proxy, "GET", "/admin/api/whoami", "", "X-Admin-Key", adminKey, "X-Forwarded-For", alice+", 198.51.100.1",
	); w.Code != 200 {
		t.Errorf("another one behind the proxy: %d", w.Code)
	}
	c.refused(
		c.call(proxy, "GET", "/admin/api/whoami", "", "X-Admin-Key", adminKey, "X-Forwarded-For", "198.51.100.1, "+alice),
		429, "too_fast",
	)
}

func TestThePanelHasASessionInsteadOfTheKey(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	c.refused(c.call(alice, "POST", "/admin/api/session", `{"key":"wrong"}`), 401, "token_refused")
	c.refused(c.call(alice, "POST", "/admin/api/session", fmt.Sprintf(`{"key":%q}`, c.aliceToken)), 403, "not_admin")
	c.refused(
		c.call(alice, "POST", "/admin/api/session", fmt.Sprintf(`{"key":%q}`, adminKey), "Sec-Fetch-Site", "same-site"), 403,
		"cross_origin",
	)
	for key, name := range map[string]string{adminKey: "admin key", c.ctfd.Admin: "CTFd admin admin (1)"} {
		w := c.call(alice, "POST", "/admin/api/session", fmt.Sprintf(`{"key":%q}`, key))
		cookie := w.Result().Cookies()[0]
		if w.Code != 200 || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Domain != "" ||
			strings.Contains(cookie.Value, key) || strings.Contains(w.Body.String(), key) {
			t.Errorf("%d %s %+v", w.Code, w.Body, cookie)
		}
		header := []string{"Cookie", cookie.Name + "=" + cookie.Value}
		var who struct{ Name string }
		if c.into(c.call(alice, "GET", "/admin/api/whoami", "", header...), &who); who.Name != name {
			t.Errorf("%+v", who)
		}
		// Neither session is the other.
		c.refused(c.call(alice, "GET", "/me", "", "Cookie", "whaley_session="+cookie.Value), 401, "session_over")
		c.refused(c.call(alice, "GET", "/admin/api/whoami", "", "X-Admin-Key", cookie.Value), 401, "key_refused")
		if w := c.call(alice, "DELETE", "/admin/api/session", "", header...); w.Code != 204 {
			t.Errorf("%d", w.Code)
		}
		c.refused(c.call(alice, "GET", "/admin/api/whoami", "", header...), 401, "session_over")
	}
	player := c.signIn(c.aliceToken)
	c.refused(
		c.call(
			alice, "GET", "/admin/api/whoami", "", "Cookie", strings.Replace(player[1], "whaley_session", "whaley_admin", 1),
		),
		401, "session_over",
	)
	c.refused(c.call(alice, "GET", "/admin/api/whoami", "", player...), 401, "key_refused")
	if w := c.call(alice, "GET", "/admin/api/whoami", "", bearer(c.ctfd.Admin)...); w.Code != 200 {
		t.Errorf("a CTFd admin's token: %d", w.Code)
	}
	c.refused(c.call(alice, "GET", "/admin/api/whoami", "", bearer(c.aliceToken)...), 403, "not_admin")
}

func TestWhatAnAdminDoesIsRecordedWithWhoAndFromWhere(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	c.call("198.51.100.5", "POST", "/admin/api/session", fmt.Sprintf(`{"key":%q}`, adminKey))
	c.call("198.51.100.6", "POST", "/admin/api/session", `{"key":"guess-guess-guess"}`)
	c.call(
		"198.51.100.7", "PUT", "/admin/api/settings", `{"settings":{"MAX_INSTANCES_PER_USER":2}}`, bearer(c.ctfd.Admin)...,
	)
	c.call("198.51.100.8", "POST", "/admin/api/settings/load", "", "X-Admin-Key", adminKey)
	all, err := c.store.FindEvents(t.Context(), whaley.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", all)
	for _, want := range []string{
		"admin_login", "admin key at 198.51.100.5", "admin_login_failed", "198.51.100.6", "admin_settings",
		"admin key at 198.51.100.8",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	for _, secret := range []string{adminKey, "guess-guess-guess", c.ctfd.Admin} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is in %s", text)
		}
	}
}

// fullLog is a log of events that takes no more.
type fullLog struct{}

func (fullLog) Record(context.Context, whaley.Event) error { return errors.New("the disk is full") }

// TestWhatTookEffectIsNotRefusedForTheLogOfEvents does what no transaction of the database holds, and what begins with
// its line.
func TestWhatTookEffectIsNotRefusedForTheLogOfEvents(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, _ *api.Options) { n.Events = fullLog{} })
	for _, done := range []struct{ method, path, body string }{
		{"POST", "/admin/api/settings/load", ""},
		{"POST", "/admin/api/challenges/reload", ""},
		{"POST", "/admin/api/challenges/quick/reload", ""},
		{"POST", "/admin/api/challenges/quick/files/notes.txt", `{"content":"hello"}`},
		{"DELETE", "/admin/api/challenges/quick/files/notes.txt", ""},
		{"POST", "/admin/api/forensics/cleanup", ""},
		{"PUT", "/admin/api/settings", `{"settings":{"MAX_INSTANCES_PER_USER":2}}`},
	} {
		if w := s.asAdmin(done.method, done.path, done.body); w.Code >= 300 {
			t.Errorf("%s %s: %d %s", done.method, done.path, w.Code, w.Body)
		}
	}
	in := s.spawned("one")
	var confirm struct{ Token string }
	s.into(s.asAdmin("POST", "/admin/api/instances/stop", `{}`), &confirm)
	w := s.asAdmin("POST", "/admin/api/instances/stop", fmt.Sprintf(`{"token":%q}`, confirm.Token))
	if now, err := s.store.Get(t.Context(), in.ID); w.Code < 500 || err != nil || !now.State.Live() || now.State == "stopping" {
		t.Errorf("stopping many answers %d without a line, and then one is %+v %v", w.Code, now, err)
	}
}

func TestEveryAnswerCarriesTheHeadersThatKeepBrowsersSafe(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	for _, path := range []string{"/config", "/me", "/nothing", "/admin/api/whoami", "/auth/instance", "/health/live"} {
		h := c.call(alice, "GET", path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
			h.Get("Referrer-Policy") == "" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// claimsOf reads a ticket as the plugin does.
func claimsOf(t testing.TB, token string) ticket.Claims {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	var claims ticket.Claims
	if err != nil || json.Unmarshal(text, &claims) != nil {
		t.Fatalf("%q is no ticket: %v", token, err)
	}
	return claims
}
