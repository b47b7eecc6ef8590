package api_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
)

func asBrowser(header []string) []string { return append([]string{"Accept", "text/html"}, header...) }

func TestTheLinkInCTFdLeadsEachPlayerToTheirOwnInstance(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	in, other := asBrowser(c.signIn(c.aliceToken)), asBrowser(c.signIn(c.carolKey))
	want := "http://" + c.host(in...) + ":8080/"
	w := c.call(alice, "GET", "/go/quick", "", in...)
	if w.Code != 303 || w.Header().Get("Location") != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v instead of %s", w.Code, w.Header(), want)
	}
	if there := c.call(bob, "GET", "/go/quick", "", other...).Header().Get("Location"); there == want ||
		!strings.HasPrefix(there, "http://quick-") {
		t.Errorf("another team is led to %s", there)
	}
	for path, to := range map[string]string{"/go/quick/nc": "/?challenge=quick", "/go/quick/sni": "/?challenge=quick"} {
		if w := c.call(alice, "GET", path, "", in...); w.Code != 303 || w.Header().Get("Location") != to {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/go/nothing", "/go/quick/nothing"} {
		if w := c.call(alice, "GET", path, "", in...); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
		c.refused(c.call(alice, "GET", path, "", in[2:]...), 404, "challenge_not_found")
	}
	// Nobody is signed in: by the sign-in, and on from there.
	w = c.call(alice, "GET", "/go/quick/nc?x=1", "", "Accept", "text/html")
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/login?next=%2Fgo%2Fquick%2Fnc%3Fx%3D1" {
		t.Errorf("%d %s", w.Code, to)
	}
	c.refused(c.call(alice, "GET", "/go/quick", ""), 401, "player_unknown")
}

func TestATokenThatWasMadeForOneSignInIsDeletedInCTFd(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	token, id := c.ctfd.TokenWithID(c.alice)
	had := c.ctfd.Tokens(c.alice)
	w := c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"token":%q,"token_id":%d}`, token, id))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for deadline := time.Now().Add(10 * time.Second); c.ctfd.Tokens(c.alice) != had-1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d tokens are left", c.ctfd.Tokens(c.alice))
		}
	}
	if w := c.call(alice, "GET", "/me", "", "Cookie", cookiesOf(w)); w.Code != 200 {
		t.Errorf("the session ended with the token: %d %s", w.Code, w.Body)
	}
	c.eventually(401, func() *httptest.ResponseRecorder { return c.call(alice, "GET", "/me", "", bearer(token)...) })
	// Somebody else's number deletes nothing.
	token, id = c.ctfd.TokenWithID(c.bob)
	had = c.ctfd.Tokens(c.bob)
	c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"token":%q,"token_id":%d}`, c.carolKey, id))
	if w := c.call(bob, "GET", "/me", "", bearer(token)...); w.Code != 200 || c.ctfd.Tokens(c.bob) != had {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestConnectingCTFdIsOneCallAndCanBeUndone(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	id := c.ctfd.AddChallenge(ctfdtest.Challenge{Name: "Quick", ConnectionInfo: "nc old 1"})
	signInPage := func() string {
		var config struct {
			SignIn string `json:"ctfd_sign_in"`
		}
		c.into(c.call(alice, "GET", "/config", ""), &config)
		return config.SignIn
	}
	if signInPage() != "" {
		t.Error("a page is known that was not made")
	}
	c.admin(
		"POST", "/admin/api/flags/sync-challenge",
		fmt.Sprintf(`{"local_challenge_id":"quick","ctfd_challenge_id":%d,"connection_info":true}`, id),
	).is(200)
	var now struct {
		SignIn struct{ State, URL string } `json:"sign_in"`
		Links  []struct{ State, Text string }
	}
	c.admin("POST", "/admin/api/ctfd/connection", "").is(200).into(&now)
	if now.SignIn.State != "stands" || signInPage() != c.ctfd.URL+"/whaley" || len(now.Links) != 1 ||
		now.Links[0].State != "other" || now.Links[0].Text != "nc old 1" {
		t.Errorf("%+v, players are sent to %q", now, signInPage())
	}
	c.refused(
		c.admin("POST", "/admin/api/flags/mapping/quick/sync-connection-info", "").ResponseRecorder, 409,
		"connection_info_taken",
	)
	c.admin("POST", "/admin/api/flags/mapping/quick/sync-connection-info?replace=true", "").is(200)
	if got := c.ctfd.Challenge(id).ConnectionInfo; got != "http://whaley.localhost:8080/go/quick" {
		t.Error(got)
	}
	if c.admin("GET", "/admin/api/ctfd/connection", "").is(200).into(&now); now.Links[0].State != "stands" {
		t.Errorf("%+v", now)
	}
	c.admin("PUT", "/admin/api/ctfd/window", `{"on":true}`).is(200)
	if w := c.call(alice, "GET", "/ctfd.js", ""); w.Code != 200 ||
		!strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") ||
		!strings.Contains(c.ctfd.Config("theme_header"), "http://whaley.localhost:8080/ctfd.js") {
		t.Errorf("%d %v %q", w.Code, w.Header(), c.ctfd.Config("theme_header"))
	}
	c.admin("DELETE", "/admin/api/ctfd/connection", "").is(200)
	if got := c.ctfd.Challenge(id).ConnectionInfo; got != "" || len(c.ctfd.Pages()) != 0 || signInPage() != "" ||
		c.ctfd.Config("theme_header") != "" {
		t.Errorf("left behind: %q, %d pages, %q", got, len(c.ctfd.Pages()), signInPage())
	}
}
