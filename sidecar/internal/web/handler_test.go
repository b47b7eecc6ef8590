package web_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/web"
)

const page = "<!doctype html><title>Whaley</title>"

const adminPage = `<!doctype html><meta name="whaley-path" content="/admin" /><title>Organisers</title>`

var script = strings.Repeat("console.log('whaley')\n", 200)

func built(t *testing.T) http.Handler {
	t.Helper()
	return handler(t, fstest.MapFS{
		".gitkeep":                 {},
		"index.html":               {Data: []byte(page)},
		"admin.html":               {Data: []byte(adminPage)},
		"favicon.svg":              {Data: []byte("<svg/>")},
		"assets/main-a1b2c3.js":    {Data: []byte(script)},
		"assets/main-a1b2c3.css":   {Data: []byte("body{}")},
		"assets/petch-d4e5.woff2":  {Data: []byte(strings.Repeat("wOF2", 600))},
		"assets/strange-d4e5.zzz9": {Data: []byte("?")},
	})
}

func handler(t *testing.T, build fstest.MapFS) http.Handler {
	t.Helper()
	h, err := web.New(build, "/staff", plain)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return h
}

func do(h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return string(b)
}

func TestEachFileHasItsTypeAndCaching(t *testing.T) {
	const forever = "public, max-age=31536000, immutable"
	h := built(t)
	for _, c := range []struct {
		path, accept      string
		status            int
		contentType, keep string
	}{
		{"/", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/?q=web", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/login?next=%2F", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/staff", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/staff/", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/staff/logs", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/staff/challenges/web-1", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/staff/nowhere", "*/*", 404, wire.ProblemType, "no-store"},
		{"/staffing", "*/*", 404, wire.ProblemType, "no-store"},
		{"/admin", "*/*", 404, wire.ProblemType, "no-store"},
		{"/admin.html", "*/*", 404, wire.ProblemType, "no-store"},
		{"/index.html", "", 200, "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", "", 200, "image/svg+xml", "no-cache"},
		{"/assets/main-a1b2c3.js", "", 200, "text/javascript; charset=utf-8", forever},
		{"/assets/main-a1b2c3.css", "", 200, "text/css; charset=utf-8", forever},
		{"/assets/petch-d4e5.woff2", "", 200, "font/woff2", forever},
		{"/assets/strange-d4e5.zzz9", "", 200, "application/octet-stream", forever},
		{"/assets/main-0ld.js", "text/html", 404, wire.ProblemType, "no-store"},
		{"/assets/", "text/html", 404, wire.ProblemType, "no-store"},
		{"/.gitkeep", "", 404, wire.ProblemType, "no-store"},
		{"/nowhere", "text/html,*/*", 404, "text/html; charset=utf-8", "no-store"},
		{"/nowhere", "*/*", 404, wire.ProblemType, "no-store"},
		{"/../etc/passwd", "*/*", 404, wire.ProblemType, "no-store"},
	} {
		t.Run(c.path+" "+c.accept, func(t *testing.T) {
			got := do(h, http.MethodGet, c.path, "Accept", c.accept)
			want := []any{c.status, c.contentType, c.keep}
			have := []any{got.StatusCode, got.Header.Get("Content-Type"), got.Header.Get("Cache-Control")}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("status, type, caching (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownAddressInABrowserShowsThePageItIsBelow(t *testing.T) {
	panel := strings.Replace(adminPage, "/admin", "/staff", 1)
	for path, want := range map[string]string{
		"/nowhere": page, "/staffing": page, "/admin/nowhere": page, "/staff/nowhere": panel, "/staff/logs/deeper": panel,
		"/staff/challenges/a/b": panel,
	} {
		got := do(built(t), http.MethodGet, path, "Accept", "text/html")
		if diff := cmp.Diff(want, text(t, got.Body)); diff != "" || got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, body (-want +got):\n%s", path, got.StatusCode, diff)
		}
	}
}

func TestTheAdminPanelLearnsWhereItIs(t *testing.T) {
	got := do(built(t), http.MethodGet, "/staff/logs")
	if diff := cmp.Diff(strings.Replace(adminPage, "/admin", "/staff", 1), text(t, got.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestEveryAnswerForbidsInlineAndForeignContent(t *testing.T) {
	for name, h := range map[string]http.Handler{"built": built(t), "not built": handler(t, fstest.MapFS{})} {
		for _, path := range []string{"/", "/assets/main-a1b2c3.js", "/nowhere"} {
			policy := do(h, http.MethodGet, path).Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: policy of %s is %q", name, path, policy)
			}
		}
	}
}

func TestScriptTravelsCompressedWhenAskedFor(t *testing.T) {
	h := built(t)
	for _, c := range []struct {
		accept string
		packed bool
	}{
		{"gzip, deflate, br", true},
		{"br;q=1.0, GZIP;q=0.5", true},
		{"gzip;q=0", false},
		{"gzip; q=0.0", false},
		{"br", false},
		{"", false},
	} {
		t.Run(c.accept, func(t *testing.T) {
			got := do(h, http.MethodGet, "/assets/main-a1b2c3.js", "Accept-Encoding", c.accept)
			if packed := got.Header.Get("Content-Encoding") == "gzip"; packed != c.packed {
				t.Fatalf("compressed: %v, want %v", packed, c.packed)
			}
			if got.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("Vary is %q", got.Header.Get("Vary"))
			}
			var body io.Reader = got.Body
			if c.packed {
				unpacked, err := gzip.NewReader(got.Body)
				if err != nil {
					t.Fatalf("gzip: %v", err)
				}
				body = unpacked
			}
			if diff := cmp.Diff(script, text(t, body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFontsAreNotCompressedAgain(t *testing.T) {
	got := do(built(t), http.MethodGet, "/assets/petch-d4e5.woff2", "Accept-Encoding", "gzip")
	if got.Header.Get("Content-Encoding") != "" {
		t.Errorf("Content-Encoding is %q", got.Header.Get("Content-Encoding"))
	}
}

func TestKnownETagIsAnsweredNotModified(t *testing.T) {
	h := built(t)
	for _, encoding := range []string{"", "gzip"} {
		for _, path := range []string{"/", "/assets/main-a1b2c3.js"} {
			etag := do(h, http.MethodGet, path, "Accept-Encoding", encoding).Header.Get("ETag")
			if etag == "" {
				t.Fatalf("%s has no ETag", path)
			}
			again := do(h, http.MethodGet, path, "Accept-Encoding", encoding, "If-None-Match", etag)
			if again.StatusCode != http.StatusNotModified || text(t, again.Body) != "" {
				t.Errorf("%s: status %d on its own ETag", path, again.StatusCode)
			}
		}
	}
}

func TestPlainAndCompressedHaveDifferentETags(t *testing.T) {
	h := built(t)
	plain := do(h, http.MethodGet, "/assets/main-a1b2c3.js").Header.Get("ETag")
	packed := do(h, http.MethodGet, "/assets/main-a1b2c3.js", "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == packed {
		t.Errorf("both are %s", plain)
	}
}

func TestHeadHasTheHeadersOfGetAndNoBody(t *testing.T) {
	h := built(t)
	for _, path := range []string{"/", "/assets/main-a1b2c3.js", "/nowhere"} {
		get := do(h, http.MethodGet, path, "Accept", "text/html")
		head := do(h, http.MethodHead, path, "Accept", "text/html")
		if diff := cmp.Diff(get.Header, head.Header); diff != "" || get.StatusCode != head.StatusCode {
			t.Errorf("%s: %d, want %d; headers (-get +head):\n%s", path, head.StatusCode, get.StatusCode, diff)
		}
		if body := text(t, head.Body); body != "" {
			t.Errorf("%s: HEAD has a body of %d bytes", path, len(body))
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		got := do(built(t), method, "/")
		if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
	}
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	h := handler(t, fstest.MapFS{".gitkeep": {}})
	for _, path := range []string{"/", "/nowhere", "/assets/main-a1b2c3.js"} {
		got := do(h, http.MethodGet, path)
		var p wire.Problem
		if err := json.NewDecoder(got.Body).Decode(&p); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if got.StatusCode != http.StatusServiceUnavailable || p.Status != got.StatusCode || p.Code != "frontend_not_built" {
			t.Errorf("%s: status %d, problem %+v", path, got.StatusCode, p)
		}
		if !strings.Contains(p.Detail, "make frontend") || !strings.Contains(p.Detail, "scripts/need frontend") {
			t.Errorf("%s does not say how to build: %q", path, p.Detail)
		}
	}
}

func TestEmbeddedHandlerAnswersWithOrWithoutABuild(t *testing.T) {
	got := do(web.Handler("/admin", plain), http.MethodGet, "/")
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", got.StatusCode)
	}
}

func FuzzAnyPathIsAnswered(f *testing.F) {
	for _, seed := range []string{"/", "//", "/..", "/assets/../index.html", "/%00", "/assets/main-a1b2c3.js/"} {
		f.Add(seed)
	}
	h, err := web.New(fstest.MapFS{"index.html": {Data: []byte(page)}}, "/admin", plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if s := w.Code; s != http.StatusOK && s != http.StatusNotFound {
			t.Errorf("%q: status %d", path, s)
		}
	})
}
