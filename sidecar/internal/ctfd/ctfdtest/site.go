package ctfdtest

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// script is what CTFd takes out of pages if its settings say so.
var script = regexp.MustCompile(`(?s)<script.*?</script>`)

// browser is who has signed in with a cookie. What changes anything has to show the session's nonce.
func (s *Server) browser(r *http.Request) (*User, Answer) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return nil, Answer{}
	}
	u := s.users[s.browsers[cookie.Value]]
	if u != nil && r.Method != http.MethodGet && r.Header.Get("CSRF-Token") != nonceOf(cookie.Value) {
		return nil, Abort(http.StatusForbidden)
	}
	return u, Answer{}
}

func nonceOf(session string) string { return "nonce-of-" + session }

// site is what people see: the sign-in, the challenges with their links, and the pages that organisers have made.
func (s *Server) site(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/login" {
		s.signIn(w, r)
		return
	}
	caller, _ := s.caller(r)
	if r.URL.Path == "/challenges" && caller != nil {
		s.show(w, r, "Challenges", s.challengesPage())
		return
	}
	for _, p := range s.pages {
		switch {
		case p.Route != strings.Trim(r.URL.Path, "/") || p.Draft:
			continue
		case p.SignedIn && caller == nil:
			w.Header().Set("Location", "/login?next="+strings.ReplaceAll(r.URL.RequestURI(), "&", "%26"))
			page(w, http.StatusFound, "Redirecting…")
		default:
			s.show(w, r, p.Title, p.Content)
		}
		return
	}
	page(w, http.StatusNotFound, "404")
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, title, content string) {
	session := ""
	if cookie, err := r.Cookie("session"); err == nil {
		session = cookie.Value
	}
	if s.settings["html_sanitization"] != "" {
		content = script.ReplaceAllString(content, "")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(
		w,
		"<!doctype html><title>%s</title><script>window.init = {urlRoot: '', csrfNonce: '%s', userId: %d}</script>%s<main>%s</main>",
		html.EscapeString(title), nonceOf(session), s.browsers[session], s.settings["theme_header"], content,
	)
}

// signIn shows a form with the account's id in the place of name and password.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("session")
	if r.Method != http.MethodPost || err != nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(
			w,
			`<!doctype html><title>Login</title><form method="post" action="%s"><label>Account <input name="id"></label><button>Submit</button></form>`,
			html.EscapeString(r.URL.RequestURI()),
		)
		return
	}
	id, _ := strconv.Atoi(r.FormValue("id"))
	s.browsers[cookie.Value] = id
	next := r.URL.Query().Get("next")
	if !strings.HasPrefix(next, "/") {
		next = "/challenges"
	}
	http.Redirect(w, r, next, http.StatusFound)
}
