package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/whaley-ctf/whaley/shared/wire"
	sidecar "github.com/whaley-ctf/whaley/sidecar"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/forensics"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/monitor"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	pluginKey  = "the key of the plugin"
	metricsKey = "the secret of the metrics"
	adminKey   = "orca 52 swims past 7 lighthouses"
	alice      = "192.0.2.1"
	bob        = "192.0.2.2"
)

// surface is the API on the real rules, engine and database.
type surface struct {
	t                testing.TB
	api              *api.API
	public, internal http.Handler
	described        routers.Router
	document         *openapi3.T
	folder           string // of the challenges
	store            *countingStore
	rules            *instancer.Instancer
	monitor          *monitor.Monitor
}

// countingStore counts how often owners' lists are read.
type countingStore struct {
	*store.Store
	lists atomic.Int64
}

func (c *countingStore) LiveOrFailed(ctx context.Context, owner string, since time.Time) ([]*whaley.Instance, error) {
	c.lists.Add(1)
	return c.Store.LiveOrFailed(ctx, owner, since)
}

func (s *surface) removeFolder(name string) error { return os.RemoveAll(filepath.Join(s.folder, name)) }

// engine is what a surface needs of one.
type engine interface {
	containers.Engine
	probe.Inside
	api.Containers
	forensics.Engine
	monitor.Engine
}

func newSurface(t *testing.T) *surface {
	t.Helper()
	return newSurfaceOn(t, dockertest.Engine(t))
}

func newSurfaceOn(t testing.TB, engine engine, with ...func(*api.Needs, *api.Options)) *surface {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	quick := filepath.Join(folder, "quick")
	if err := os.CopyFS(quick, os.DirFS(dockertest.TestServerContext(t))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"instance.toml": "name = \"Quick\"\ncategory = \"web\"\n[[routes]]\nservice = \"web\"\nport = 8080\n[[routes]]\nname = \"nc\"\nservice = \"web\"\nport = 9000\ntype = \"port\"\n[[routes]]\nname = \"sni\"\nservice = \"web\"\nport = 9000\ntype = \"tcp\"\n",
		"compose.yaml":  "services:\n  web:\n    build: .\n",
	} {
		if err := os.WriteFile(filepath.Join(quick, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	library := challenge.NewLibrary(
		folder,
		challenge.Defaults{
			Timeout: time.Hour, Access: "link", Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64},
		},
	)
	library.UseSettings(db)
	if err := library.KeepRevisions(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	library.KeepEarlier(challenge.EarlierBytes)
	if err := library.KeepDrafts(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if problems, err := library.Reload(ctx); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	keys, err := identity.Derive(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := identity.NewTickets(keys, db)
	if err != nil {
		t.Fatal(err)
	}
	var live *config.Live
	captures, err := forensics.New(engine, db, forensics.Options{
		Dir: t.TempDir(), Holder: "this one", Auto: func() bool { return live.Config().ForensicsAuto },
		Retention: func() time.Duration { return time.Hour },
		MaxBytes:  func() int64 { return 1 << 20 }, Lines: func() int { return 100 }, Compress: func() bool { return true },
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	counting := &countingStore{Store: db}
	life, err := core.New(core.Parts{
		DB: db, Pool: netip.MustParsePrefix("10.194.0.0/24"), Ports: [2]int{24000, 24100}, Log: log,
		Docker: containers.Needs{Engine: engine},
		Rules: instancer.Needs{
			Store: counting, Prober: probe.New(engine), Challenges: library, Forensics: captures,
		},
		Options: instancer.Options{
			BaseDomain: "instances.localhost", SlugKey: keys.Slug, Policy: whaley.Policy{Quota: whaley.Quota{PerOwner: 1}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	rules := life.Instancer
	life.Start(ctx)
	t.Cleanup(func() {
		cancel()
		if err := life.Stop(); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	live, err = config.NewLive(ctx, map[string]string{"MAX_INSTANCES_PER_USER": "1"}, db, keys.Setting, log)
	if err != nil {
		t.Fatal(err)
	}
	live.Use(func(c *config.Config) {
		p := whaley.Policy{Quota: whaley.Quota{PerOwner: c.MaxInstancesPerUser}}
		if c.Drain {
			p.Drain = c.DrainMessage
		}
		rules.SetPolicy(p)
	})
	dashboard, _ := url.Parse("http://whaley.localhost:8080")
	s := &surface{t: t, folder: folder, store: counting, rules: rules}
	stream := event.New(db, event.Options{}, log)
	db.OnEvents(stream.Tell)
	s.monitor = monitor.New(engine, db, monitor.Options{Every: time.Second, Disk: "/"}, log)
	needs := api.Needs{
		EventLog: db, EventStats: db.EventStats, EventStream: stream, Forensics: captures, Monitor: s.monitor,
		Instancer: rules, Challenges: library, Library: library, Keys: keys, Tickets: tickets,
		Sessions: identity.NewSessions(keys, db), Events: db, Log: log,
		Organisers: db, Settings: live, Flags: flag.New(db, nil, library, flag.Options{}, log),
		Cheating: cheating.New(cheating.Needs{Store: db, Challenges: library, Log: log}, cheating.Options{}), AdminQueries: db, Containers: engine,
		Checks: []api.Check{{Name: "engine", Ping: engine.Ping}},
		Pages:  http.NotFoundHandler(),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintln(w, "up 1")
		}),
	}
	opts := api.Options{
		BaseDomain: "instances.localhost", Dashboard: dashboard, TLSPort: 8443, TLSWakes: true, PluginKey: pluginKey, MetricsKey: metricsKey,
		AdminKey: adminKey,
		AuthMode: wire.AuthNone, Inside: netip.MustParsePrefix("10.194.0.0/24").Contains, Version: "test",
	}
	for _, change := range with {
		change(&needs, &opts)
	}
	s.api = api.New(ctx, needs, opts)
	s.public, s.internal = s.api.Public(), s.api.Internal()
	description, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	s.document, s.described = description.document, description.described
	return s
}

// description is openapi.yaml, read once for all tests.
type description struct {
	document  *openapi3.T
	described routers.Router
}

var describe = sync.OnceValues(func() (d description, err error) {
	if d.document, err = openapi3.NewLoader().LoadFromData(sidecar.OpenAPI); err != nil {
		return d, err
	}
	d.document.Servers = nil
	text := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		all, err := io.ReadAll(body)
		return string(all), err
	}
	for _, kind := range []string{"text/html", "text/event-stream", "application/yaml", "text/plain", "text/javascript"} {
		openapi3filter.RegisterBodyDecoder(kind, text)
	}
	d.described, err = legacy.NewRouter(d.document)
	return d, err
})

// call sends a request as a player and holds request and answer against the description.
func (s *surface) call(player, method, path, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	handler := s.public
	if strings.HasPrefix(path, "/internal/") {
		handler = s.internal
	}
	make := func(path string) *http.Request {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.RemoteAddr = player + ":5555"
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for n := 0; n+1 < len(header); n += 2 {
			r.Header.Set(header[n], header[n+1])
		}
		return r
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, make(path))
	// The description's router knows no slashes in a parameter, escaped or not.
	plain := strings.ReplaceAll(path, "%2F", "_")
	route, params, err := s.described.FindRoute(make(plain))
	if err != nil {
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			s.t.Errorf("%s %s answers %d and is not described: %v", method, path, w.Code, err)
		}
		return w
	}
	s.held(route, params, func() *http.Request { return make(plain) }, w)
	return w
}

// held holds a request and its answer against what the description says of the route.
func (s *surface) held(
	route *routers.Route, params map[string]string, request func() *http.Request, w *httptest.ResponseRecorder,
) {
	s.t.Helper()
	input := &openapi3filter.RequestValidationInput{
		Request: request(), PathParams: params, Route: route, Options: validation,
	}
	if w.Code < 400 {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			s.t.Errorf("%s %.300s is taken and not described so: %v", route.Method, request().URL.RequestURI(), err)
		}
	}
	s.answered(route, params, request(), w)
}

var validation = &openapi3filter.Options{
	AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
}

// answered holds the answer only.
func (s *surface) answered(
	route *routers.Route, params map[string]string, r *http.Request, w *httptest.ResponseRecorder,
) {
	s.t.Helper()
	var p wire.Problem
	if w.Code >= 400 && json.Unmarshal(w.Body.Bytes(), &p) == nil && p.Code != "" &&
		!slices.Contains(s.document.Components.Schemas["ProblemCode"].Value.Enum, any(p.Code)) {
		s.t.Errorf("%s %.300s: the problem %q is not on the description's list", route.Method, r.URL.RequestURI(), p.Code)
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: validation}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(), Options: validation,
	}
	answer.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		s.t.Errorf(
			"%s %.300s: the answer %d is not as described: %v\n%s", route.Method, r.URL.RequestURI(), w.Code, err, w.Body,
		)
	}
}

func (s *surface) into(w *httptest.ResponseRecorder, value any) {
	s.t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), value); err != nil {
		s.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
}

// refused checks the status and code of a problem.
func (s *surface) refused(w *httptest.ResponseRecorder, status int, code string) {
	s.t.Helper()
	var p wire.Problem
	s.into(w, &p)
	if w.Code != status || p.Status != status || p.Code != code || p.Detail == "" || p.RequestID == "" ||
		w.Header().Get("Content-Type") != wire.ProblemType {
		s.t.Errorf("got %d %+v %s, want %d %s", w.Code, p, w.Header().Get("Content-Type"), status, code)
	}
}

type instance struct {
	ID, State string
	Routes    []struct {
		Name, URL, Hint string
		Port            int
	}
	Problem *wire.Problem
}

func TestTheDescriptionNamesEveryRouteAndNoOther(t *testing.T) {
	s := newSurface(t)
	if err := s.document.Validate(context.Background()); err != nil {
		t.Errorf("openapi.yaml: %v", err)
	}
	if bytes.Contains(sidecar.OpenAPI, []byte("nullable:")) {
		t.Error(
			`openapi.yaml has nullable:, which 3.1 does not know: write type: [string, "null"], or oneOf with { type: "null" }`,
		)
	}
	var described, served []string
	for path, item := range s.document.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for _, r := range slices.Concat(s.api.PublicRoutes(), s.api.InternalRoutes()) {
		served = append(served, r.Method+" "+r.Path)
	}
	for _, r := range s.api.AdminRoutes() {
		served = append(served, r.Method+" "+r.Path)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described\n%s\nserved\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

func TestAnInstancesLifeThroughTheAPI(t *testing.T) {
	s := newSurface(t)
	var list struct {
		Challenges []struct {
			ID     string
			Routes []struct {
				Name, URL, Hint string
				Port            int
				Wakes           bool
			}
			Instance *instance
		}
	}
	s.into(s.call(alice, "GET", "/challenges", ""), &list)
	if len(list.Challenges) != 1 || list.Challenges[0].Instance != nil ||
		!strings.HasPrefix(list.Challenges[0].Routes[0].URL, "http://quick-") {
		t.Fatalf("%+v", list)
	}
	if hint := list.Challenges[0].Routes[1].Hint; hint != "" {
		t.Errorf("a port that is not known yet is hinted at: %q", hint)
	}
	for i, wakes := range []bool{true, false, true} { // the engine publishes ports here
		if r := list.Challenges[0].Routes[i]; r.Wakes != wakes {
			t.Errorf("connecting starts it: %t at %+v", r.Wakes, r)
		}
	}
	s.refused(s.call(alice, "GET", "/challenges/none", ""), 404, "challenge_not_found")
	s.refused(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"none"}`), 404, "challenge_not_found")

	var in instance
	w := s.call(alice, "POST", "/instances/spawn?wait=60", `{"challenge_id":"quick"}`)
	if s.into(w, &in); w.Code != 201 || in.State != "running" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if r := in.Routes[1]; r.Port < 24000 || r.Hint != fmt.Sprintf("nc 127.0.0.1 %d", r.Port) {
		t.Errorf("%+v", r)
	}
	if r := in.Routes[2]; r.Port != 8443 || !strings.Contains(r.Hint, "ncat --ssl") {
		t.Errorf("%+v", r)
	}
	s.refused(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 409, "instance_exists")
	s.call(alice, "GET", "/challenges", "")
	s.call(alice, "GET", "/challenges/quick", "")
	s.call(alice, "GET", "/instances", "")
	s.call(alice, "GET", "/instances/"+in.ID, "")
	s.refused(s.call(alice, "POST", "/instances/"+in.ID+"/extend", ""), 409, "extension_too_early")
	for _, method := range []string{"GET", "DELETE"} {
		s.refused(s.call(bob, method, "/instances/"+in.ID, ""), 404, "instance_not_found")
	}
	s.refused(s.call(bob, "POST", "/instances/"+in.ID+"/extend", ""), 404, "instance_not_found")
	var me struct {
		Instances    int
		MaxInstances int `json:"max_instances"`
		User         struct{ Name string }
	}
	if s.into(s.call(alice, "GET", "/me", ""), &me); me.Instances != 1 || me.MaxInstances != 1 || me.User.Name != alice {
		t.Errorf("%+v", me)
	}
	if w := s.call(alice, "DELETE", "/instances/"+in.ID, ""); w.Code != 202 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`)
	if w.Code != 202 && w.Code != 409 { // 409: the old one is not gone yet
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheEventsTellOfEveryChange(t *testing.T) {
	s := newSurface(t)
	server := httptest.NewServer(s.public)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/events", nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	seen := make([]byte, 0, 4096)
	until := func(want string) {
		t.Helper()
		for !strings.Contains(string(seen), want) {
			part := make([]byte, 4096)
			n, err := resp.Body.Read(part)
			if err != nil {
				t.Fatalf("%v before %q in %q", err, want, seen)
			}
			seen = append(seen, part[:n]...)
		}
	}
	until(`event: instances`)
	until(`"instances":[]`)
	if w := s.call("127.0.0.1", "POST", "/instances/spawn", `{"challenge_id":"quick"}`); w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	until(`"state":"running"`)
}

func TestBadRequestsGetAClearAnswer(t *testing.T) {
	s := newSurface(t)
	for body, status := range map[string]int{
		"": 422, "{": 422, "[]": 422, `{"challenge_id":5}`: 422, `{}`: 422, `{"challenge_id":""}`: 422,
		`{"challenge_id":"quick","owner":"admin"}`: 422,
		`{"challenge_id":"quick"}{}`:               422, `{"challenge_id":"` + strings.Repeat("x", 100_000) + `"}`: 422,
	} {
		if w := s.call(alice, "POST", "/instances/spawn", body); w.Code != status {
			t.Errorf("%.40q: %d %s", body, w.Code, w.Body)
		}
	}
	for _, wait := range []string{"-1", "x", "121", "1e3"} {
		s.refused(s.call(alice, "POST", "/instances/spawn?wait="+wait, `{"challenge_id":"quick"}`), 422, "wait_invalid")
	}
	s.refused(s.call(alice, "POST", "/instances/else", `{}`), 405, "method_not_allowed")
	s.refused(s.call(alice, "PUT", "/instances", `{}`), 405, "method_not_allowed")
	s.refused(
		s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, "Sec-Fetch-Site", "cross-site"), 403,
		"cross_origin",
	)
	s.refused(
		s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, "Origin", "http://quick-x.instances.localhost"),
		403, "cross_origin",
	)
	var in struct{ Instances []instance }
	if s.into(s.call(alice, "GET", "/instances", ""), &in); len(in.Instances) != 0 {
		t.Errorf("one of them started something: %+v", in)
	}
}

func TestAContainerIsNoPlayer(t *testing.T) {
	s := newSurface(t)
	const container = "10.194.0.2"
	for _, path := range []string{"/me", "/instances", "/challenges", "/events"} {
		s.refused(s.call(container, "GET", path, ""), 401, "player_unknown")
	}
	s.refused(s.call(container, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), 401, "player_unknown")
	var status wire.HostStatus
	s.into(
		s.call(
			"", "POST", wire.PathWake, `{"host":"quick-aaaaaaaaaaaaa.instances.localhost","address":"`+container+`"}`,
			"Authorization", "Bearer "+pluginKey,
		),
		&status,
	)
	if status.Mine {
		t.Errorf("%+v", status)
	}
}

func TestOnlyAdminsUseTheAdminAPI(t *testing.T) {
	s := newSurface(t)
	for _, r := range s.api.AdminRoutes() {
		for _, wrong := range []string{"", "x", adminKey + " ", pluginKey} {
			s.refused(s.call(alice, r.Method, r.Path, `{}`, "X-Admin-Key", wrong), 401, "key_refused")
		}
	}
	var admin struct{ Name string }
	if s.into(s.call(alice, "GET", "/admin/api/whoami", "", "X-Admin-Key", adminKey), &admin); admin.Name == "" {
		t.Error("an admin has no name")
	}
}

func TestOnlyThePluginUsesTheInternalAPI(t *testing.T) {
	s := newSurface(t)
	const key = "Bearer " + pluginKey
	for _, r := range s.api.InternalRoutes() {
		for _, wrong := range []string{"", "Bearer ", "Bearer x", pluginKey, "bearer " + pluginKey} {
			s.refused(s.call(alice, r.Method, r.Path, `{}`, "Authorization", wrong), 401, "key_refused")
		}
		w := httptest.NewRecorder()
		s.public.ServeHTTP(w, httptest.NewRequest(r.Method, r.Path, nil))
		if w.Code != 404 {
			t.Errorf("%s on the public listener: %d", r.Path, w.Code)
		}
	}
	s.call(alice, "GET", wire.PathKeys, "", "Authorization", key)
	var status wire.HostStatus
	s.into(s.call("", "POST", wire.PathWake, `{"host":"nothing"}`, "Authorization", key), &status)
	if status.State != wire.StateUnknown || status.Mine {
		t.Errorf("%+v", status)
	}
	var ch struct{ Routes []struct{ Host string } }
	s.into(s.call(alice, "GET", "/challenges/quick", ""), &ch)
	ask := fmt.Sprintf(`{"host":%q,"address":%q,"wait_ms":30000}`, ch.Routes[0].Host, alice)
	if s.into(s.call("", "POST", wire.PathStatus, ask, "Authorization", key), &status); status.State != wire.StateAsleep ||
		!status.Mine {
		t.Errorf("%+v", status)
	}
	foreign := fmt.Sprintf(`{"host":%q,"address":"192.0.2.77","wait_ms":30000}`, ch.Routes[0].Host)
	if s.into(s.call("", "POST", wire.PathWake, foreign, "Authorization", key), &status); status.State != wire.StateUnknown {
		t.Errorf("a stranger's: %+v", status)
	}
	for _, held := range []string{"1", ""} { // it waits for the start, and is answered at once while it runs
		w := s.call("", "POST", wire.PathWake, ask, "Authorization", key)
		if s.into(w, &status); status.State != wire.StateRunning || !strings.HasPrefix(status.Backend, "http://10.194.") ||
			w.Header().Get(wire.HeldHeader) != held {
			t.Errorf("%+v %v", status, w.Header())
		}
	}
	s.call("", "POST", wire.PathStatus, ask, "Authorization", key)
	s.refused(
		s.call("", "POST", wire.PathTicket, `{"host":"h","code":"c","nonce":"n"}`, "Authorization", key), 403, "code_refused",
	)
	s.refused(s.call("", "POST", wire.PathWake, `{"host":""}`, "Authorization", key), 422, "host_missing")
}

func TestAOneTimeCodeIsForOwnHostsOnly(t *testing.T) {
	s := newSurface(t)
	var ch struct{ Routes []struct{ Host string } }
	s.into(s.call(alice, "GET", "/challenges/quick", ""), &ch)
	host := ch.Routes[0].Host
	query := func(host, nonce, path string) string {
		return wire.SignInPath + "?" + url.Values{"host": {host}, "nonce": {nonce}, "path": {path}}.Encode()
	}
	const nonce = "0123456789abcdef"
	w := s.call(alice, "GET", query(host, nonce, "/a?b=c"), "")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != 303 || to.Host != host+":8080" || to.Path != wire.TicketPath ||
		to.Query().Get("path") != "/a?b=c" || to.Query().Get("code") == "" {
		t.Errorf("%d %s", w.Code, to)
	}
	first := s.call(bob, "GET", query(host, nonce, "/"), "")
	for what, path := range map[string]string{
		"no host of ours": query("evil.example", nonce, "/"),
		"no such host":    query("quick-aaaaaaaaaaaaa.instances.localhost", nonce, "/"),
	} {
		if w := s.call(bob, "GET", path, ""); w.Code != 404 || shape(w) != shape(first) {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 65), "0123456789abcde\n"} {
		s.refused(s.call(alice, "GET", query(host, bad, "/"), ""), 404, "not_found")
	}
	for _, path := range []string{"//evil.example", "https://evil.example", "/\\evil.example", ""} {
		w := s.call(alice, "GET", query(host, nonce, path), "")
		if to, err := url.Parse(w.Header().Get("Location")); err != nil || to.Query().Get("path") != "/" {
			t.Errorf("the path %q is passed on as %q", path, to.Query().Get("path"))
		}
	}
}

func shape(w *httptest.ResponseRecorder) string {
	var p wire.Problem
	json.Unmarshal(w.Body.Bytes(), &p)
	p.RequestID = ""
	return fmt.Sprintf("%+v", p)
}

func TestOperatorsSeeHowItIs(t *testing.T) {
	s := newSurface(t)
	for _, path := range []string{"/health", "/health/live", "/health/ready", "/config", "/openapi.yaml"} {
		if w := s.call(alice, "GET", path, ""); w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	s.refused(s.call(alice, "GET", "/metrics", ""), 401, "key_refused")
	if w := s.call(alice, "GET", "/metrics", "", "Authorization", "Bearer "+metricsKey); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// response is an answer that can be asked about itself.
type response struct {
	s *surface
	*httptest.ResponseRecorder
}

func (r *response) is(status int) *response {
	r.s.t.Helper()
	if r.Code != status {
		r.s.t.Errorf("got %d instead of %d: %s", r.Code, status, r.Body)
	}
	return r
}

func (r *response) into(value any) {
	r.s.t.Helper()
	r.s.into(r.ResponseRecorder, value)
}
