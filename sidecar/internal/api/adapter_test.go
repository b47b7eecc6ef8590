package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	adapterKey   = "the adapter's own 7f3a9c52"
	dashboardURL = "http://whaley.localhost:8080"
)

func withAdapter(_ *api.Needs, o *api.Options) { o.AdapterKey = adapterKey }

func TestThePluginInCTFdActsForWhoIsSignedInThere(t *testing.T) {
	c := newCompetition(t, api.Limits{Attempts: 5}, withAdapter)
	as := func(key string, account any) []string {
		return []string{
			"Authorization", "Adapter " + key, "X-Whaley-Account", fmt.Sprint(account), "X-Whaley-Address", "198.51.100.7",
		}
	}
	var me struct{ User, Owner struct{ Name string } }
	if c.into(c.call(proxy, "GET", "/me", "", as(adapterKey, c.alice)...), &me); me.User.Name != "alice" ||
		me.Owner.Name != "red" {
		t.Errorf("%+v", me)
	}
	if w := c.call(
		proxy, "POST", "/instances/spawn", `{"challenge_id":"quick"}`,
		append(as(adapterKey, c.alice), "Origin", "https://ctf.example")...,
	); w.Code != http.StatusAccepted {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for what, header := range map[string][]string{
		"no account": as(adapterKey, ""), "no number": as(adapterKey, "1 or 2"), "nobody": as(adapterKey, 999),
		"below one": as(adapterKey, -1),
	} {
		if w := c.call(proxy, "GET", "/me", "", header...); w.Code < 400 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	for range 5 {
		c.refused(
			c.call("192.0.2.77", "GET", "/me", "", as("a wrong key of the adapter", c.alice)...), 401, "adapter_refused",
		)
	}
	c.refused(c.call("192.0.2.77", "GET", "/me", "", as("a wrong key of the adapter", c.alice)...), 429, "too_fast")
	c.refused(c.call(proxy, "GET", "/admin/api/whoami", "", as(adapterKey, 1)...), 401, "key_refused")
	c.refused(c.call(proxy, "POST", "/adapter/events", `{"events":[]}`, bearer(c.aliceToken)...), 401, "adapter_refused")
	c.refused(
		c.call(proxy, "POST", "/adapter/events", `{"events":[{"type":"coffee"}]}`, as(adapterKey, "")...), 422,
		"event_type_invalid",
	)
	if w := c.call(
		proxy, "POST", "/adapter/events",
		fmt.Sprintf(`{"events":[{"type":"user","id":%d,"name":"alice","banned":true}]}`, c.alice), as(adapterKey, "")...,
	); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWithoutAnAdapterKeyNoneIsRight(t *testing.T) {
	c := newCompetition(t, api.Limits{})
	c.refused(
		c.call(alice, "GET", "/me", "", "Authorization", "Adapter ", "X-Whaley-Account", fmt.Sprint(c.alice)), 401,
		"adapter_refused",
	)
	c.refused(c.call(alice, "GET", "/adapter/challenges", "", "Authorization", "Adapter"), 401, "adapter_refused")
}

// plugin is a stand-in for CTFd, on CTFd's own framework, with the plugin in it.
type plugin struct {
	t   *testing.T
	url string
}

func startPlugin(t *testing.T, sidecar string) *plugin {
	t.Helper()
	testkit.Need(t, testkit.Flask)
	server := exec.Command("/usr/bin/python3", "-B", "../../../integrations/ctfd/stub/server.py")
	server.Env = []string{"WHALEY_URL=" + sidecar, "WHALEY_KEY=" + adapterKey, "PATH=/usr/bin:/bin"}
	var said bytes.Buffer
	server.Stderr = &said
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if strings.Contains(said.String(), "Traceback") {
			t.Error(said.String())
		}
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, said.String())
	}
	return &plugin{t, "http://127.0.0.1:" + strings.TrimSpace(port)}
}

// visitor is a browser that is signed in to CTFd; 0: it is not.
func (p *plugin) visitor(account int) func(method, path, body string) (int, string) {
	p.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(method, path, body string) (int, string) {
		p.t.Helper()
		r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if account != 0 {
			r.Header.Set("CSRF-Token", fmt.Sprintf("nonce-%d", account))
		}
		w, err := client.Do(r)
		if err != nil {
			p.t.Fatal(err)
		}
		defer w.Body.Close()
		text, _ := io.ReadAll(w.Body)
		return w.StatusCode, string(text)
	}
	if account != 0 {
		ask("POST", fmt.Sprintf("/test/login/%d", account), "")
	}
	return ask
}

// change is what an organiser does in CTFd.
func (p *plugin) change(model string, fields map[string]any) {
	p.t.Helper()
	text, _ := json.Marshal(fields)
	if status, answer := p.visitor(0)("POST", "/test/change/"+model, string(text)); status != 200 {
		p.t.Fatalf("%s %v: %d %s", model, fields, status, answer)
	}
}

// signsIn plays a sign-in by the plugin alone, as the dashboard's page and a browser do it.
func (p *plugin) signsIn(c *competition, account int, name string) {
	p.t.Helper()
	const state = "0123456789abcdef0123456789abcdef"
	page := func() string {
		var config struct {
			SignIn string `json:"ctfd_sign_in"`
		}
		c.into(c.call(alice, "GET", "/config", ""), &config)
		return config.SignIn
	}
	open := func(account int, query string) *url.URL {
		jar, _ := cookiejar.New(nil)
		browser := &http.Client{
			Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		if account != 0 {
			w, err := browser.Post(p.url+fmt.Sprintf("/test/login/%d", account), "", nil)
			if err != nil {
				p.t.Fatal(err)
			}
			w.Body.Close()
		}
		w, err := browser.Get(p.url + "/plugins/whaley/sign-in" + query)
		if err != nil {
			p.t.Fatal(err)
		}
		w.Body.Close()
		to, err := w.Location()
		if err != nil {
			p.t.Fatalf("%d %v", w.StatusCode, err)
		}
		return to
	}
	post := func(code, state string) *httptest.ResponseRecorder {
		return c.call(alice, "POST", "/auth/login", fmt.Sprintf(`{"code":%q,"state":%q}`, code, state))
	}
	if to := open(0, "?state="+state); to.Path != "/login" || !strings.Contains(to.RawQuery, "next=/plugins/whaley/sign-in") {
		p.t.Errorf("who is not signed in to CTFd goes to %s", to)
	}
	if to := open(account, ""); to.String() != dashboardURL+"/login" {
		p.t.Errorf("without a state: %s", to)
	}
	to := open(account, "?state="+state)
	back, err := url.ParseQuery(to.Fragment)
	if err != nil || !strings.HasPrefix(to.String(), dashboardURL+"/login#") || back.Get("state") != state {
		p.t.Fatalf("%s %v", to, err)
	}
	if at := page(); at != c.ctfd.URL+"/plugins/whaley/sign-in" {
		p.t.Errorf("players are sent to %q", at)
	}
	code := back.Get("handover")
	c.refused(post(code, "another-state-of-sb-else"), 401, "handover_refused") // by somebody else's link
	c.refused(post(code+"x", state), 401, "handover_refused")
	w := post(code, state)
	var me struct{ User struct{ Name string } }
	if c.into(c.call(alice, "GET", "/me", "", "Cookie", cookiesOf(w)), &me); w.Code != 200 || me.User.Name != name {
		p.t.Errorf("%d %s, %+v", w.Code, w.Body, me)
	}
	c.refused(post(code, state), 401, "handover_refused") // twice
}

// TestAPlayersInstanceIsInCTFdThroughThePlugin plays through CTFd's own origin: start and stop, a foreign flag, a ban.
func TestAPlayersInstanceIsInCTFdThroughThePlugin(t *testing.T) {
	c := newCompetition(t, api.Limits{Address: 100}, withAdapter)
	board := c.ctfd.AddChallenge(ctfdtest.Challenge{Name: "Quick"})
	if _, err := c.api.Flags.Map(t.Context(), "quick", "", board); err != nil {
		t.Fatal(err)
	}
	sidecar := httptest.NewServer(c.public)
	t.Cleanup(sidecar.Close)
	p := startPlugin(t, sidecar.URL)
	p.change("Configs", map[string]any{"id": 1, "key": "user_mode", "value": "teams"})
	for id, name := range map[int]string{c.red: "red", c.blue: "blue"} {
		p.change("Teams", map[string]any{"id": id, "name": name})
	}
	for id, team := range map[int]int{c.alice: c.red, c.bob: c.red, c.carol: c.blue} {
		p.change("Users", map[string]any{"id": id, "name": fmt.Sprint("user ", id), "team_id": team})
	}
	p.change("Challenges", map[string]any{"id": board, "name": "Quick"})
	ada, carol, nobody := p.visitor(c.alice), p.visitor(c.carol), p.visitor(0)
	p.signsIn(c, c.alice, "alice")

	if status, text := nobody("GET", "/plugins/whaley/window.js", ""); status != 200 ||
		!strings.Contains(text, "const plugin = true;") {
		t.Errorf("the script: %d %.80s", status, text)
	}
	if status, text := ada("GET", "/plugins/whaley/api/adapter/mapping", ""); status != 200 ||
		!strings.Contains(text, fmt.Sprintf(`"ctfd":%d,"id":"quick"`, board)) {
		t.Errorf("the mapping: %d %s", status, text)
	}
	// CTFd's own rules, before the sidecar is asked.
	start := func(ask func(string, string, string) (int, string)) (int, string) {
		return ask("POST", "/plugins/whaley/api/instances/spawn", `{"challenge_id":"quick"}`)
	}
	for what, refused := range map[string][2]map[string]any{
		"hidden": {{"id": board, "state": "hidden"}, {"id": board, "state": "visible"}},
		"to be solved first": {
			{"id": board, "requirements": map[string]any{"prerequisites": []int{board}}}, {"id": board, "requirements": nil},
		},
	} {
		p.change("Challenges", refused[0])
		if status, text := start(ada); status != 403 || !strings.Contains(text, "challenge_closed") {
			t.Errorf("%s: %d %s", what, status, text)
		}
		p.change("Challenges", refused[1])
	}
	for _, ask := range []string{"GET /plugins/whaley/api/instances", "DELETE /plugins/whaley/api/instances/x"} {
		method, path, _ := strings.Cut(ask, " ")
		if status, text := nobody(method, path, ""); status != 403 {
			t.Errorf("nobody: %s: %d %s", ask, status, text)
		}
	}
	for _, path := range []string{
		"GET me", "GET admin/api/whoami", "POST auth/ticket", "GET instances/..%2Fme", "POST adapter/events",
	} {
		method, path, _ := strings.Cut(path, " ")
		if status, text := ada(method, "/plugins/whaley/api/"+path, "{}"); status != 404 {
			t.Errorf("%s is passed on: %d %s", path, status, text)
		}
	}

	status, text := start(ada)
	var in struct {
		ID    string
		Owner struct{ ID string }
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil || status != http.StatusAccepted ||
		in.Owner.ID != whaley.TeamID(c.red) {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := carol("DELETE", "/plugins/whaley/api/instances/"+in.ID, ""); status != 404 {
		t.Errorf("another team's: %d %s", status, text)
	}
	if status, text := ada("DELETE", "/plugins/whaley/api/instances/"+in.ID, ""); status != http.StatusAccepted {
		t.Errorf("%d %s", status, text)
	}

	// A flag of red's, submitted by blue.
	values, err := c.api.Flags.Flags(t.Context(), whaley.Owner{ID: whaley.TeamID(c.red), Name: "red"}, &whaley.Challenge{
		ID: "quick", Flag: whaley.FlagPlan{Dynamic: true, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.change(
		"Flags",
		map[string]any{"id": 1, "challenge_id": board, "type": "whaley", "content": values[0], "data": whaley.TeamID(c.red)},
	)
	p.change("Flags", map[string]any{"id": 2, "challenge_id": board, "type": "static", "content": "FLAG{everybody's}"})
	submit := func(ask func(string, string, string) (int, string), flag, want string) {
		t.Helper()
		status, text := ask(
			"POST", "/api/v1/challenges/attempt", fmt.Sprintf(`{"challenge_id":%d,"submission":%q}`, board, flag),
		)
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("%d %s, want %s", status, text, want)
		}
	}
	found := func(n int) {
		t.Helper()
		testkit.Eventually(t, time.Minute, "it is told of", func() error {
			all, err := c.api.Cheating.Suspicions(t.Context(), whaley.SuspicionFilter{Kind: whaley.SuspicionSharing}, "", 10)
			if err != nil || len(all) == 0 || len(all[0].Submissions) != n {
				return fmt.Errorf("%+v %v", all, err)
			}
			return nil
		})
	}
	submit(carol, values[0], `"incorrect"`)
	found(1)
	submit(carol, "FLAG{everybody's}", `"correct"`)
	submit(carol, values[0], `"already_solved"`) // in no row of CTFd's
	found(2)
	submit(ada, values[0], `"correct"`)

	// A ban counts at once, although CTFd's API, as the sidecar knows it, says nothing of it.
	p.change("Teams", map[string]any{"id": c.blue, "banned": true})
	testkit.Eventually(t, time.Minute, "a banned team is refused", func() error {
		if status, text = carol("GET", "/plugins/whaley/api/instances", ""); status != 403 ||
			!strings.Contains(text, "team_banned") {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
	sidecar.Close()
	if status, text := ada("GET", "/plugins/whaley/api/instances", ""); status != 503 ||
		!strings.Contains(text, "whaley_away") {
		t.Errorf("away: %d %s", status, text)
	}
	submit(ada, "FLAG{wrong}", "Incorrect") // and CTFd goes on
}

// TestThePluginUsesOnlyWhatCTFdHas holds the stand-in and the plugin to one list of CTFd's names, which was read from
// its source.
func TestThePluginUsesOnlyWhatCTFdHas(t *testing.T) {
	testkit.Need(t, testkit.Flask)
	if said, err := exec.Command(
		"/usr/bin/python3", "-B", "../../../integrations/ctfd/stub/contract.py", "../../../integrations/ctfd/stub",
	).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
