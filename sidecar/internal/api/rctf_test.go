package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	rctfToken = "the token of rctf 5b1d9e03"
	redTeam   = "1f0c6b1e-5f4c-4a52-9d53-0b2a6c0f9d11"
	blueTeam  = "9c1d3a77-2b60-4c0e-8f5a-7e9f00d1a2b3"
)

// rctf is rCTF's side of its Docker instancer's protocol: what it sends, and what its schemas accept as an answer.
type rctf struct {
	*surface
	token string
}

// rctfAnswer has the fields of rCTF's instanceDetailsSchema and instancerErrorSchema.
type rctfAnswer struct {
	Kind                 string
	Status               string
	TimeLeftMilliseconds *int
	Endpoints            []struct {
		Kind, Host  string
		Port        *int
		Title, Text *string
		Bypass      bool `json:"bypassExpose"`
	}
	Message string
}

func (c *rctf) ask(method, kind, team string, more map[string]any) (int, rctfAnswer) {
	c.t.Helper()
	body := map[string]any{
		"kind": kind, "rctfAuthToken": c.token, "teamId": team, "challengeIntegrationId": "quick",
		"config": map[string]any{"services": map[string]any{"app": map[string]any{"image": "traefik/whoami:latest"}}},
	}
	for k, v := range more {
		body[k] = v
	}
	text, _ := json.Marshal(body)
	w := c.call("203.0.113.5", method, "/v1/instances/", string(text))
	return w.Code, c.accepted(w)
}

// accepted reads an answer as rCTF's schemas do.
func (c *rctf) accepted(w *httptest.ResponseRecorder) (a rctfAnswer) {
	c.t.Helper()
	var raw map[string]any
	if json.Unmarshal(w.Body.Bytes(), &a) != nil || json.Unmarshal(w.Body.Bytes(), &raw) != nil {
		c.t.Fatalf("no JSON: %s", w.Body)
	}
	if a.Kind == "instancerError" {
		if a.Message == "" {
			c.t.Errorf("an error without a message: %s", w.Body)
		}
		return a
	}
	_, left := raw["timeLeftMilliseconds"]
	_, endpoints := raw["endpoints"]
	if a.Kind != "instancerInstanceDetails" || !left || !endpoints ||
		!slices.Contains([]string{"stopped", "running", "starting", "stopping", "errored"}, a.Status) {
		c.t.Errorf("rCTF refuses %s", w.Body)
	}
	for _, e := range a.Endpoints {
		if !slices.Contains([]string{"tcp", "tcp-ssl", "http", "https", "raw"}, e.Kind) || e.Host == "" || e.Port == nil ||
			*e.Port < 0 || *e.Port > 65535 {
			c.t.Errorf("rCTF refuses %s", w.Body)
		}
	}
	return a
}

func (c *rctf) get(team string) rctfAnswer {
	c.t.Helper()
	_, a := c.ask("POST", "instancerGetInstanceForm", team, nil)
	return a
}

func (c *rctf) becomes(team, status string) (a rctfAnswer) {
	c.t.Helper()
	testkit.Eventually(c.t, time.Minute, "the instance is "+status, func() error {
		if a = c.get(team); a.Status != status {
			return fmt.Errorf("%+v", a)
		}
		return nil
	})
	return a
}

func newRCTF(t *testing.T) *rctf {
	t.Helper()
	c := &rctf{token: rctfToken}
	c.surface = newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(_ *api.Needs, o *api.Options) {
		o.AuthMode, o.RCTFToken = wire.AuthRCTF, rctfToken
	})
	return c
}

// create is what rCTF adds to start an instance.
func create(flag string) map[string]any {
	return map[string]any{
		"timeoutMilliseconds": 600_000, "extendable": true,
		"flags": []map[string]any{{"provider": "flags/dynamic", "flag": flag}},
		"expose": []map[string]any{{
			"kind": "https", "hostPrefix": "quick", "containerName": "web", "containerPort": 8080, "shouldDisplay": true,
		}},
	}
}

func TestRCTFStartsReadsExtendsAndStopsATeamsInstance(t *testing.T) {
	c := newRCTF(t)
	if a := c.get(redTeam); a.Status != "stopped" || a.TimeLeftMilliseconds != nil || a.Endpoints != nil {
		t.Errorf("before: %+v", a)
	}
	if _, a := c.ask("DELETE", "instancerDeleteInstanceForm", redTeam, nil); a.Status != "stopped" {
		t.Errorf("nothing to stop: %+v", a)
	}
	if code, a := c.ask("PATCH", "instancerRenewInstanceForm", redTeam, map[string]any{"timeoutMilliseconds": 60_000}); code != http.StatusNotFound ||
		a.Kind != "instancerError" {
		t.Errorf("nothing to extend: %d %+v", code, a)
	}
	if _, a := c.ask("PUT", "instancerCreateInstanceForm", redTeam, create("flag{red}")); a.Status != "starting" &&
		a.Status != "running" {
		t.Fatalf("%+v", a)
	}
	a := c.becomes(redTeam, "running")
	if a.TimeLeftMilliseconds == nil || *a.TimeLeftMilliseconds < 590_000 || *a.TimeLeftMilliseconds > 600_000 ||
		len(a.Endpoints) != 3 {
		t.Fatalf("%+v", a)
	}
	for n, want := range []string{"http 8080", "tcp 24000", "tcp-ssl 8443"} {
		if e := a.Endpoints[n]; fmt.Sprint(e.Kind, " ", *e.Port) != want && n != 1 || !e.Bypass || n == 1 && e.Kind != "tcp" {
			t.Errorf("%s: %+v %d", want, e, *e.Port)
		}
	}
	if _, again := c.ask("PUT", "instancerCreateInstanceForm", redTeam, create("flag{red}")); again.Status != "running" {
		t.Errorf("started twice: %+v", again)
	}
	if other := c.get(blueTeam); other.Status != "stopped" {
		t.Errorf("another team's: %+v", other)
	}
	if _, a := c.ask("PATCH", "instancerRenewInstanceForm", redTeam, map[string]any{"timeoutMilliseconds": 1_200_000}); a.TimeLeftMilliseconds == nil ||
		*a.TimeLeftMilliseconds < 1_190_000 {
		t.Errorf("extended: %+v", a)
	}
	if _, a := c.ask("DELETE", "instancerDeleteInstanceForm", redTeam, nil); a.Status != "stopping" &&
		a.Status != "stopped" {
		t.Errorf("stopped: %+v", a)
	}
	c.becomes(redTeam, "stopped")
}

func TestRCTFIsRefusedInItsOwnShape(t *testing.T) {
	c := newRCTF(t)
	refused := func(what string, want int, method, kind, team string, more map[string]any) {
		t.Helper()
		if code, a := c.ask(method, kind, team, more); code != want || a.Kind != "instancerError" {
			t.Errorf("%s: %d %+v", what, code, a)
		}
	}
	const form = "instancerCreateInstanceForm"
	refused("a team that is no name", 422, "PUT", form, "../x", create("f"))
	refused("another verb's form", 422, "DELETE", form, redTeam, nil)
	refused(
		"an unknown challenge", 404, "POST", "instancerGetInstanceForm", redTeam,
		map[string]any{"challengeIntegrationId": "none"},
	)
	for _, timeout := range []any{nil, 0, -1, 9_999, 604_800_001} {
		refused(fmt.Sprint("for ", timeout), 422, "PUT", form, redTeam, map[string]any{"timeoutMilliseconds": timeout})
	}
	for _, token := range []string{"", "the token of rctf 5b1d9e04"} {
		c.token = token
		refused("the token "+token, 401, "PUT", form, redTeam, create("f"))
	}
	for _, path := range []string{"/v1/instances/", "/v1/instances/?%00", "/v1/instances/?a=%zz"} {
		w := c.call("203.0.113.5", "PUT", path, "no json")
		if a := c.accepted(w); w.Code != 422 || a.Kind != "instancerError" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	// And nobody plays by address.
	c.refused(c.call(alice, "GET", "/challenges", ""), 401, "player_unknown")
	c.refused(c.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 401, "player_unknown")
	other := newSurfaceOn(t, simulated.NewWorld().Engine("test"))
	if w := other.call(alice, "PUT", "/v1/instances/", `{}`); w.Code != 404 {
		t.Errorf("without rCTF: %d %s", w.Code, w.Body)
	}
}

// TestRCTFsFlagIsTheTeamsOwn: what rCTF has made is what an instance gets, whatever its shape, until rCTF makes
// another.
func TestRCTFsFlagIsTheTeamsOwn(t *testing.T) {
	c := newRCTF(t)
	ch := &whaley.Challenge{
		ID:   "quick",
		Flag: whaley.FlagPlan{Dynamic: true, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{x}"}},
	}
	red, blue := whaley.Owner{ID: "rctf_" + redTeam}, whaley.Owner{ID: "rctf_" + blueTeam}
	for _, one := range []struct {
		owner whaley.Owner
		flag  string
	}{{red, "flag{r3d}"}, {red, "flag{r3d}"}, {blue, "flag{r3d}"}, {red, "corctf{ünïcödé 'quoted'}"}} {
		if err := c.api.Flags.Give(t.Context(), one.owner, ch, []string{one.flag, "and one too many"}); err != nil {
			t.Fatal(err)
		}
		if got, err := c.api.Flags.Flags(t.Context(), one.owner, ch); err != nil || !slices.Equal(got, []string{one.flag}) {
			t.Errorf("%q instead of %q, %v", got, one.flag, err)
		}
	}
	for _, none := range [][]string{nil, {""}} {
		if err := c.api.Flags.Give(t.Context(), red, ch, none); whaley.CodeOf(err) != "flags_missing" {
			t.Errorf("%q: %v", none, err)
		}
	}
	totals, err := c.api.Flags.Totals(t.Context())
	if err != nil || totals.Current != 2 {
		t.Errorf("%+v %v", totals, err)
	}
}
