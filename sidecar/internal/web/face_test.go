package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/whaley-ctf/whaley/sidecar/internal/face"
	"github.com/whaley-ctf/whaley/sidecar/internal/web"
)

func plain() face.Face { return face.Face{Name: face.DefaultName} }

func TestThePagesHaveTheEventsFaceAndNothingElseOfIt(t *testing.T) {
	brand, err := face.ParseBrand("#ff8800")
	if err != nil {
		t.Fatal(err)
	}
	const built = `<!doctype html><meta name="event" content="{}" /><title>Challenges · Whaley</title>`
	now := plain()
	h, err := web.New(
		fstest.MapFS{
			"index.html": {Data: []byte(built)}, "admin.html": {Data: []byte(built)}, "favicon.svg": {Data: []byte("<svg/>")},
		},
		"/staff", func() face.Face { return now },
	)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, headers ...string) (*http.Response, string) {
		r := do(h, http.MethodGet, path, headers...)
		return r, text(t, r.Body)
	}
	if _, page := get("/"); !strings.Contains(page, "<title>Challenges · Whaley</title>") {
		t.Errorf("without a face: %s", page)
	}
	if r, style := get("/event/style.css"); style != "" || r.StatusCode != 200 ||
		r.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("without a face: %v %s", r.Header, style)
	}
	if r, logo := get("/event/logo"); logo != "<svg/>" || r.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("without a face: %v %s", r.Header, logo)
	}

	now = face.Face{
		Name: `Fox "CTF" <script>alert(1)</script>`, Home: "https://ctf.example.org", Footer: "By </title>", Brand: brand,
		Logo: &face.Logo{Type: "image/png", Body: []byte("\x89PNG")},
	}
	for _, path := range []string{"/", "/login", "/staff"} {
		_, page := get(path)
		if strings.Contains(page, "<script") || strings.Count(page, "</title>") != 1 ||
			!strings.Contains(page, "Challenges · Fox &#34;CTF&#34; &lt;script") ||
			!strings.Contains(page, `&#34;home&#34;:&#34;https://ctf.example.org&#34;`) {
			t.Errorf("%s: %s", path, page)
		}
	}
	if _, page := get("/nothing", "Accept", "text/html"); !strings.Contains(page, "Fox") {
		t.Errorf("a page that is not there: %s", page)
	}
	if r, logo := get("/event/logo"); logo != "\x89PNG" || r.Header.Get("Content-Type") != "image/png" ||
		r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%v %q", r.Header, logo)
	}
	if _, style := get("/event/style.css"); !strings.Contains(style, "html:root{--accent:#") {
		t.Errorf("%s", style)
	}
}
