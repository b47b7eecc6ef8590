// Package ctfdtest is a CTFd for tests: a server that answers as CTFd 3.8 was seen to, its traps included. What it
// does not know it answers as CTFd answers what it does not know, so a client that strays is noticed.
//
// Each aggregate has a file of its own, which adds its routes in a function called by New.
package ctfdtest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/router"
)

// Server is one CTFd. The zero mode is "users".
type Server struct {
	URL   string
	Admin string // an admin's token

	http   *httptest.Server
	routes []router.Route

	mu     sync.Mutex
	mode   string // user_mode: users or teams
	preset bool   // the mode stands in no row
	plugin bool   // Whaley's is installed

	settings map[string]string // other rows of its settings
	users    map[int]*User
	teams    map[int]*Team
	tokens   map[string]token
	trouble
	board
	pages    []*SitePage
	lastPage int
	browsers map[string]int    // cookie → account that has signed in with it
	calls    map[string]int    // "GET /api/v1/users/me" → how often
	sessions map[string]string // cookie → the Authorization header that it was made for
	strayed  []string          // what a client must never do
	lastUser int
	lastTeam int

	lastToken int
}

// New starts a server with one admin; it ends with the test, which fails if a client broke a rule of the contract.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		mode: "users", users: map[int]*User{}, teams: map[int]*Team{}, tokens: map[string]token{},
		calls: map[string]int{}, browsers: map[string]int{}, sessions: map[string]string{}, settings: map[string]string{},
	}
	s.release = make(chan struct{})
	s.accounts()
	s.tokenRows()
	s.configs()
	s.challenges()
	s.flagRows()
	s.submissionRows()
	s.exports()
	s.pageRows()
	admin := s.AddUser(User{Name: "admin", Type: "admin", Hidden: true})
	s.Admin = s.Token(admin)
	notFound := http.HandlerFunc(s.site)
	wrongMethod := s.handler(func(Call) Answer { return Abort(http.StatusNotFound) })
	s.http = httptest.NewServer(s.serve(router.New(s.routes, notFound, wrongMethod)))
	s.URL = s.http.URL
	t.Cleanup(func() {
		s.Recover()
		s.http.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, what := range s.strayed {
			t.Error("a client of CTFd", what)
		}
	})
	return s
}

// Call is one request as a handler sees it. The server's lock is held.
type Call struct {
	*http.Request
	Caller *User // nil: anonymous
	Body   []byte
}

// Answer is what a handler gives back: a status and what becomes the body as JSON.
type Answer struct {
	Status int
	Body   any
}

// Raw is a body that is not JSON.
type Raw struct{ Type, Text string }

// Success is {"success": true, "data": …}.
func Success(data any) Answer {
	return Answer{http.StatusOK, map[string]any{"success": true, "data": data}}
}

// Page is Success with pagination, of items that are the whole list; perPage of CTFd is 20 for submissions, 50
// elsewhere.
func Page[T any](items []T, page, perPage int) Answer {
	pages := (len(items) + perPage - 1) / perPage
	from, to := min((page-1)*perPage, len(items)), min(page*perPage, len(items))
	var next, prev any
	if page < pages {
		next = page + 1
	}
	if page > 1 {
		prev = page - 1
	}
	return Answer{
		http.StatusOK, map[string]any{"success": true, "data": append([]T{}, items[from:to]...), "meta": map[string]any{
			"pagination": map[string]any{
				"page": page, "next": next, "prev": prev, "pages": pages, "per_page": perPage, "total": len(items),
			},
		}},
	}
}

// Abort is {"message": …}, the shape of HTTP errors.
func Abort(status int) Answer {
	text := map[int]string{
		http.StatusBadRequest:          "The browser (or proxy) sent a request that this server could not understand.",
		http.StatusForbidden:           "You don't have the permission to access the requested resource. It is either read-protected or not readable by the server.",
		http.StatusNotFound:            "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again. You have requested this URI [/api/v1] but did you mean /api/v1 ?",
		http.StatusInternalServerError: "Internal Server Error",
	}[status]
	return Answer{status, map[string]any{"message": text}}
}

// InvalidBody is the shape for bodies: lists of texts.
func InvalidBody(field string, texts ...string) Answer {
	return Answer{http.StatusBadRequest, map[string]any{"success": false, "errors": map[string]any{field: texts}}}
}

// InvalidQuery is the shape for queries: one text.
func InvalidQuery(field, text string) Answer {
	return Answer{http.StatusBadRequest, map[string]any{"success": false, "errors": map[string]any{field: text}}}
}

// Handle adds a route; path is below /api/v1 and may have {id}. Another method on the path is 404 in JSON, as CTFd
// does.
func (s *Server) Handle(method, path string, h func(Call) Answer) {
	s.routes = append(s.routes, router.Route{Method: method, Pattern: "/api/v1" + path, Handler: s.handler(h)})
}

func (s *Server) handler(h func(Call) Answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		s.mu.Lock()
		caller, got := s.caller(r)
		if got.Status == 0 {
			got = h(Call{Request: r, Caller: caller, Body: body})
		}
		s.mu.Unlock()
		write(w, got)
	}
}

// AdminOnly guards a handler as CTFd's admins_only does: JSON gets 403, everything else is sent to log in.
func AdminOnly(h func(Call) Answer) func(Call) Answer {
	return func(c Call) Answer {
		if c.Caller == nil || c.Caller.Type != "admin" {
			return c.denied()
		}
		return h(c)
	}
}

// SignedIn guards a handler as CTFd's authed_only does.
func SignedIn(h func(Call) Answer) func(Call) Answer {
	return func(c Call) Answer {
		if c.Caller == nil {
			return c.denied()
		}
		return h(c)
	}
}

const toLogin = -1 // not a status: 302 to the login page

func (c Call) denied() Answer {
	if !isJSON(c.Request) {
		return Answer{Status: toLogin, Body: c.URL.RequestURI()}
	}
	return Abort(http.StatusForbidden)
}

func isJSON(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// caller is whose token a request shows: without a JSON Content-Type nobody's, whatever the scheme's word is.
func (s *Server) caller(r *http.Request) (*User, Answer) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return s.browser(r)
	}
	if !isJSON(r) {
		return nil, Answer{}
	}
	_, text, found := strings.Cut(header, " ")
	if !found || text == "" {
		return nil, Answer{http.StatusUnauthorized, map[string]any{"message": "Invalid authorization header"}}
	}
	t, known := s.tokens[text]
	switch {
	case !known:
		return nil, Answer{http.StatusUnauthorized, map[string]any{"message": "Your access token is invalid"}}
	case time.Now().After(t.expires):
		return nil, Answer{http.StatusUnauthorized, map[string]any{"message": "Your access token has expired"}}
	}
	return s.users[t.user], Answer{}
}

func (s *Server) serve(routes http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, routes) }
}

// answer counts a request and answers it, or does what trouble there is.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, routes http.Handler) {
	s.mu.Lock()
	s.calls[r.Method+" "+r.URL.Path]++
	session, who := "", r.Header.Get("Authorization")
	if cookie, err := r.Cookie("session"); err == nil {
		if session = cookie.Value; s.sessions[session] != who {
			s.strayed = append(
				s.strayed, "sent a cookie with the token of another, which CTFd then logs in as whoever the token is",
			)
		}
	} else {
		session = fmt.Sprintf("session-%d", len(s.sessions)+1)
		s.sessions[session] = who
	}
	if r.URL.Path == "/login" && who != "" {
		s.strayed = append(s.strayed, "followed a redirect to the login page")
	}
	trouble := s.trouble
	s.mu.Unlock()
	switch {
	case trouble.down:
		panic(http.ErrAbortHandler)
	case trouble.slow:
		select {
		case <-trouble.release:
		case <-r.Context().Done():
			return
		}
	case trouble.answer != nil:
		trouble.answer(w, r)
		return
	case trouble.broken:
		page(w, http.StatusInternalServerError, "500")
		return
	}
	w.Header().Set("Set-Cookie", "session="+session+"; HttpOnly; Path=/; SameSite=Lax")
	if who == "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: session}) // a first visit has one from now on
	}
	routes.ServeHTTP(w, r)
}

func write(w http.ResponseWriter, a Answer) {
	if a.Status == toLogin {
		w.Header().Set("Location", fmt.Sprintf("/login?next=%v", a.Body))
		page(w, http.StatusFound, "Redirecting…")
		return
	}
	if raw, ok := a.Body.(Raw); ok {
		w.Header().Set("Content-Type", raw.Type)
		w.WriteHeader(a.Status)
		_, _ = io.WriteString(w, raw.Text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(a.Body) // nobody to tell when the client has gone away
}

func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><title>%s</title>", text)
}
