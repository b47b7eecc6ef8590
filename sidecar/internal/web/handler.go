package web

import (
	"bytes"
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/face"
)

// contentSecurityPolicy allows what comes from this host and nothing else: no inline script, no inline style, no frame
// around the page.
const contentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAskMe   = "no-cache"
)

// New serves a build of the frontend: its files, its two pages at the addresses that the pages' own routers know, and
// a 404 elsewhere (the page for a browser, a problem for everything else). The admin panel is at adminPath, such as
// "/admin", and below it, and nowhere else. now is how the event looks. Without a page in the build every answer is
// 503.
func New(build fs.FS, adminPath string, now func() face.Face) (http.Handler, error) {
	files, err := load(build)
	if err != nil {
		return nil, err
	}
	h := &handler{files: files, page: files["index.html"], adminPath: strings.Trim(adminPath, "/"), now: now}
	if admin, ok := files[adminPage]; ok {
		body := bytes.Replace(admin.body, []byte(adminMark), []byte(`content="/`+html.EscapeString(h.adminPath)+`"`), 1)
		if h.admin, err = prepare(adminPage, body); err != nil {
			return nil, err
		}
		delete(files, adminPage)
	}
	return h, nil
}

const (
	adminPage = "admin.html"
	adminMark = `content="/admin"` // how the build tells the panel where it is
)

type handler struct {
	files     map[string]*file // by path without the leading slash
	page      *file            // nil: there is no build
	admin     *file            // nil: the build has no admin panel
	adminPath string           // without slashes around it

	now   func() face.Face
	faced atomic.Pointer[faced] // the pages as they were sent last
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")

	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "This address answers GET and HEAD only.")
		return
	}
	if h.page == nil {
		problem(w, http.StatusServiceUnavailable, "frontend_not_built",
			"This binary holds no dashboard. Run `make frontend` (or scripts/need frontend) and build it again.")
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if clientRoute(name) {
		serve(w, r, h.dressed().page)
		return
	}
	if h.admin != nil && h.adminRoute(name) {
		serve(w, r, h.dressed().admin)
		return
	}
	if f, ok := h.ofEvent(name); ok {
		serve(w, r, f)
		return
	}
	if f, ok := h.files[name]; ok {
		serve(w, r, f)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(name, assetFolder) {
		page := h.dressed().page
		if h.admin != nil && strings.HasPrefix(name, h.adminPath+"/") {
			page = h.dressed().admin
		}
		notFoundPage(w, r, page)
		return
	}
	problem(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
}

// clientRoute says whether the players' page has a view for a path; src/user/router.tsx has the same list.
func clientRoute(path string) bool {
	return path == "" || path == "login"
}

// adminRoute says whether the admin panel has a view for a path; src/admin/router.tsx has the same list.
func (h *handler) adminRoute(path string) bool {
	rest, under := strings.CutPrefix(path, h.adminPath)
	if !under {
		return false
	}
	tab, more, deeper := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case rest == "" || rest == "/":
		return true
	case rest[0] != '/':
		return false
	case tab == "challenges":
		return !deeper || !strings.Contains(more, "/")
	default:
		return !deeper && slices.Contains([]string{"logs", "flags", "players", "monitoring", "settings"}, tab)
	}
}

// notFoundPage answers 404 with a page, whose router then says so in its looks.
func notFoundPage(w http.ResponseWriter, r *http.Request, page *file) {
	w.Header().Set("Content-Type", page.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page.body) // a browser that has gone away needs no page
	}
}

// serve answers with a file, compressed if the client takes it, or 304 if the client has it.
func serve(w http.ResponseWriter, r *http.Request, f *file) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cache)
	body, etag := f.body, f.etag
	if f.gzip != nil {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			body, etag = f.gzip, f.gzipETag
		}
	}
	header.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// problem answers with an RFC 9457 problem.
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", wire.ProblemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Problem{ // nobody to tell when the client has gone away
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail,
	})
}
