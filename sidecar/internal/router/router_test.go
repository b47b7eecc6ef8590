package router_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/router"
)

// named answers with the pattern that was taken and what its parameters hold.
func named(names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern)
		for _, name := range names {
			fmt.Fprintf(w, " %s=%s", name, r.PathValue(name))
		}
	})
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) })
}

func TestAFixedPartMayStandBesideAParameter(t *testing.T) {
	handler := router.New([]router.Route{
		{"GET", "/flags", named()},
		{"DELETE", "/flags/suspicious", named()},
		{"DELETE", "/flags/{id}", named("id")},
		{"DELETE", "/flags/user/{user}", named("user")},
		{"POST", "/flags/check", named()},
		{"POST", "/flags/{id}/rotate", named("id")},
		{"POST", "/flags/mapping/{id}/sync", named("id")},
		{"GET", "/files/{id}/tree", named("id")},
		{"GET", "/files/{id}/tree/{path...}", named("id", "path")},
		{"GET", "/files/list", named()},
	}, text("not found"), text("wrong method"))
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/flags", "/flags"},
		{"DELETE", "/flags/suspicious", "/flags/suspicious"},
		{"DELETE", "/flags/7", "/flags/{id} id=7"},
		{"DELETE", "/flags/user/7", "/flags/user/{user} user=7"},
		{"DELETE", "/flags/user", "/flags/{id} id=user"},
		{"POST", "/flags/check", "/flags/check"},
		{"POST", "/flags/check/rotate", "/flags/{id}/rotate id=check"},
		{"POST", "/flags/mapping/3/sync", "/flags/mapping/{id}/sync id=3"},
		{"GET", "/files/list", "/files/list"},
		{"GET", "/files/a/tree", "/files/{id}/tree id=a"},
		{"GET", "/files/a/tree/b/c.txt", "/files/{id}/tree/{path...} id=a path=b/c.txt"},
		{"GET", "/files/a/tree/b%2F%2e%2e", "/files/{id}/tree/{path...} id=a path=b/.."},
		{"GET", "/files/a/tree//", "/files/{id}/tree/{path...} id=a path=/"},
		{"GET", "/files/a/tree/", "not found"},
		{"GET", "/flags/", "not found"},
		{"GET", "//flags", "not found"},
		{"GET", "/FLAGS", "not found"},
		{"GET", "/files/../flags", "not found"},
		{"GET", "/flags/7", "wrong method"},
		{"PUT", "/flags", "wrong method"},
		{"OPTIONS", "/flags", "wrong method"},
		{"BREW", "/flags", "wrong method"},
		{"POST", "/flags/7/other", "not found"},
		{"POST", "/flags/other/3/sync", "not found"},
		{"DELETE", "/flags//", "not found"},
		{"GET", "*", "not found"},
		{"GET", "", "not found"},
	} {
		address, err := url.ParseRequestURI(c.path)
		if err != nil {
			address = &url.URL{Path: c.path}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, &http.Request{Method: c.method, URL: address, RequestURI: c.path})
		if got := w.Body.String(); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.path, got, c.want)
		}
	}
}

func FuzzNoPathPanics(f *testing.F) {
	handler := router.New([]router.Route{
		{"GET", "/a/{x}/b", named("x")}, {"GET", "/a/{x}/c/{y...}", named("x", "y")}, {"GET", "/{z}", named("z")},
	}, text("not found"), text("wrong method"))
	f.Add("GET", "/a/c/b")
	f.Fuzz(func(_ *testing.T, method, path string) {
		handler.ServeHTTP(httptest.NewRecorder(), &http.Request{Method: method, URL: &url.URL{Path: path}})
	})
}
