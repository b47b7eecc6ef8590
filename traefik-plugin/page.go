package whaley

import (
	"html/template"
	"net/http"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// pageView is what the one template of all pages shows.
type pageView struct {
	Nonce     string // of the Content-Security-Policy
	Event     face
	Title     string
	Text      string
	Waiting   bool
	Elapsed   int // seconds
	Position  int
	Estimate  int // seconds
	Retry     bool
	RetryIn   int    // seconds
	Code      string // of the problem
	Request   string // id
	Dashboard string // URL
	StatusURL string
}

var page = template.Must(template.New("page").Parse(pageHTML))

// waitingPage tells a person that the start goes on, and brings them on as soon as it is done: by events where
// JavaScript runs, else by refreshing.
func waitingPage(w http.ResponseWriter, r *http.Request, s wire.HostStatus, event face) {
	noStore(w)
	w.Header().Set("Retry-After", "2")
	stage := s.Stage
	if stage == "" {
		stage = "Getting ready"
	}
	name := s.Name
	if name == "" {
		name = "Your challenge"
	}
	write(w, r, http.StatusServiceUnavailable, pageView{
		Event: event, Title: name + " is starting", Text: stage, Waiting: true,
		Elapsed: int(s.ElapsedMS / 1000), Position: s.Position, Estimate: int((s.EstimateMS + 999) / 1000),
		StatusURL: wire.StatusPath,
	})
}

// problemPage is a problem for people.
func problemPage(w http.ResponseWriter, r *http.Request, p wire.Problem, dashboard string, event face) {
	title := "That did not work"
	switch p.Status {
	case http.StatusNotFound:
		title = "Nothing here"
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		title = "Not available right now"
	case http.StatusTooManyRequests, http.StatusConflict:
		title = "Not possible right now"
	}
	switch p.Code {
	case "quota_reached":
		title = "Instance limit reached"
	case "challenge_inactive":
		title = "This challenge is closed"
	case "draining":
		title = "New instances are paused"
	case "spawn_failed", "start_timeout", "service_exited", "image_failed":
		title = "The challenge couldn't start"
	}
	write(w, r, p.Status, pageView{
		Event: event, Title: title, Text: p.Detail, Retry: p.RetryAfter > 0, RetryIn: p.RetryAfter,
		Code: p.Code, Request: p.RequestID, Dashboard: dashboard,
	})
}

func write(w http.ResponseWriter, r *http.Request, status int, view pageView) {
	view.Nonce = random()
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set(
		"Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+view.Nonce+"'; script-src 'nonce-"+view.Nonce+
			"'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = page.Execute(w, view) // nobody to tell when the client has gone away
	}
}
