package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// withOrganisers is a surface whose organisers may have keys of their own, and asks as one who shows a key.
func withOrganisers(t *testing.T) (s *surface, as func(key, method, path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	s = newSurfaceOn(t, simulated.NewWorld().Engine("ours"), func(_ *api.Needs, o *api.Options) { o.StreamAlive = 50 * time.Millisecond })
	return s, func(key, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(alice), 5000).String()
		r.Header.Set("X-Admin-Key", key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.public.ServeHTTP(w, r)
		return w
	}
}

// keyFor makes a key for an organiser, as the admin key may.
func keyFor(s *surface, name string, role whaley.Role) (key, id string) {
	s.t.Helper()
	var made struct {
		Key       string
		Organiser struct{ ID string }
	}
	s.admin("POST", "/admin/api/organisers", `{"name":"`+name+`","role":"`+string(role)+`"}`).is(201).into(&made)
	return made.Key, made.Organiser.ID
}

// at is an address of an operation, with something in each of its gaps.
func at(path string) string { return strings.NewReplacer("{", "no-", "}", "-such").Replace(path) }

func TestEveryAdminOperationTakesARoleAndRefusesTheLesserOnes(t *testing.T) {
	s, as := withOrganisers(t)
	keys := map[whaley.Role]string{}
	for _, role := range whaley.Roles {
		keys[role], _ = keyFor(s, "an organiser who is "+string(role), role)
	}
	for _, route := range s.api.AdminRoutes() {
		described := ""
		if item := s.document.Paths.Find(route.Path); item != nil && item.GetOperation(route.Method) != nil {
			described, _ = item.GetOperation(route.Method).Extensions["x-role"].(string)
		}
		if described != string(route.Role) || !slices.Contains(whaley.Roles, route.Role) {
			t.Errorf("%s %s: takes %q, openapi.yaml says x-role %q", route.Method, route.Path, route.Role, described)
		}
		if route.Role == whaley.RoleViewer && route.Method != http.MethodGet {
			t.Errorf("%s %s: a viewer changes nothing", route.Method, route.Path)
		}
		if route.Method != http.MethodGet && route.Role != whaley.RoleAdmin {
			for _, only := range []string{"settings", "organisers", "variables", "ctfd", "rehearsal"} {
				if strings.HasPrefix(route.Path, "/admin/api/"+only) {
					t.Errorf("%s %s: only admins change that", route.Method, route.Path)
				}
			}
		}
		for _, role := range whaley.Roles {
			if role.May(route.Role) {
				continue
			}
			if w := as(keys[role], route.Method, at(route.Path), "{}"); w.Code != 403 ||
				!strings.Contains(w.Body.String(), `"role_missing"`) {
				t.Errorf("%s %s as %s: %d %s", route.Method, route.Path, role, w.Code, w.Body)
			}
		}
		if w := as("whaley_GUESSEDGUESSEDGUESSEDGUESSED", route.Method, at(route.Path), "{}"); w.Code != 401 {
			t.Errorf("%s %s with a guessed key: %d", route.Method, route.Path, w.Code)
		}
	}
	for path, of := range s.document.Paths.Map() {
		for method, op := range of.Operations() {
			role, named := op.Extensions["x-role"].(string)
			session := path == "/admin/api/session" // where a key is exchanged for a session
			if strings.HasPrefix(path, "/admin/") != named && !session {
				t.Errorf("%s %s: x-role %q", method, path, role)
			}
		}
	}
}

func TestARoleMayWhatItIncludes(t *testing.T) {
	s, as := withOrganisers(t)
	viewer, _ := keyFor(s, "Vi", whaley.RoleViewer)
	operator, _ := keyFor(s, "Op", whaley.RoleOperator)
	admin, _ := keyFor(s, "Ad", whaley.RoleAdmin)
	for _, c := range []struct {
		key, method, path, body string
		want                    int
	}{
		{viewer, "GET", "/admin/api/instances", "", 200},
		{viewer, "GET", "/admin/api/challenges/list", "", 200},
		{viewer, "GET", "/admin/api/challenges/quick/files", "", 403},
		{operator, "GET", "/admin/api/challenges/quick/files", "", 200},
		{operator, "POST", "/admin/api/challenges/quick/toggle", `{"active":false}`, 200},
		{operator, "GET", "/admin/api/organisers", "", 403},
		{admin, "GET", "/admin/api/organisers", "", 200},
		{admin, "POST", "/admin/api/organisers", `{"name":"Third","role":"viewer"}`, 201},
	} {
		if w := as(c.key, c.method, c.path, c.body); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, w.Code, c.want, w.Body)
		}
	}
	if text := as(viewer, "GET", "/admin/api/whoami", "").Body.String(); !strings.Contains(text, `"role":"viewer"`) ||
		!strings.Contains(text, `"name":"Vi"`) {
		t.Error(text)
	}
}

func TestAKeyIsShownOnceNamesItsOrganiserAndEndsWhenItIsRevoked(t *testing.T) {
	s, as := withOrganisers(t)
	key, id := keyFor(s, "Zoë of the jury", whaley.RoleOperator)
	list := s.admin("GET", "/admin/api/organisers", "").is(200).Body.String()
	if strings.Contains(list, key) || !strings.Contains(list, "Zoë of the jury") {
		t.Errorf("the list: %s", list)
	}
	s.refused(s.admin("POST", "/admin/api/organisers", `{"name":"Zoë of the jury","role":"viewer"}`).ResponseRecorder,
		409, "organiser_exists")
	if w := as(key, "POST", "/admin/api/challenges/quick/toggle", `{"active":false}`); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	// A session of the panel by the same key, and a stream that goes on.
	login := as("", "POST", "/admin/api/session", `{"key":"`+key+`"}`)
	if login.Code != 200 {
		t.Fatal(login.Code, login.Body)
	}
	bySession := func() int {
		r := httptest.NewRequest("GET", "/admin/api/whoami", nil)
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(alice), 5000).String()
		r.AddCookie(login.Result().Cookies()[0])
		w := httptest.NewRecorder()
		s.public.ServeHTTP(w, r)
		return w.Code
	}
	if code := bySession(); code != 200 {
		t.Fatal(code)
	}
	s.admin("DELETE", "/admin/api/organisers/"+id, "").is(204)
	s.refused(s.admin("DELETE", "/admin/api/organisers/"+id, "").ResponseRecorder, 404, "organiser_not_found")
	if w := as(key, "GET", "/admin/api/whoami", ""); w.Code != 401 {
		t.Errorf("a revoked key: %d", w.Code)
	}
	if code := bySession(); code != 401 {
		t.Errorf("a session of a revoked key: %d", code)
	}
	// The name is free again, and every line says who.
	keyFor(s, "Zoë of the jury", whaley.RoleViewer)
	lines := s.admin("GET", "/admin/api/logs?limit=50", "").is(200).Body.String()
	for _, want := range []string{
		"key for Zoë of the jury (operator) made", "key of Zoë of the jury (operator) revoked", "Zoë of the jury at " + alice,
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("the log has no %q: %s", want, lines)
		}
	}
	if strings.Contains(lines, key) {
		t.Error("the log has the key")
	}
}

func TestNamesOfOrganisersAreNobodyElses(t *testing.T) {
	s, _ := withOrganisers(t)
	for _, name := range []string{
		"", " ", "Admin Key", "admin key", "CTFd admin eve (1)", " Ada", "Ada\\n", "Ada\\u202eevil", strings.Repeat("a", 61),
	} {
		s.refused(s.admin("POST", "/admin/api/organisers", `{"name":"`+name+`","role":"viewer"}`).ResponseRecorder, 422, "name_invalid")
	}
	for _, role := range []string{"", "root", "Admin"} {
		s.refused(s.admin("POST", "/admin/api/organisers", `{"name":"Ada","role":"`+role+`"}`).ResponseRecorder, 422, "role_invalid")
	}
}

func TestAStreamEndsWithTheKeyThatOpenedIt(t *testing.T) {
	s, _ := withOrganisers(t)
	key, id := keyFor(s, "Op", whaley.RoleOperator)
	server := httptest.NewServer(s.public)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/admin/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Admin-Key", key)
	answer, err := server.Client().Do(r)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(err, answer)
	}
	defer answer.Body.Close()
	s.admin("DELETE", "/admin/api/organisers/"+id, "").is(204)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for part := make([]byte, 512); err == nil; {
			_, err = answer.Body.Read(part)
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on")
	}
}
