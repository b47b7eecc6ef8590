package whaley

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// pageView is what the one template of all pages shows.
type pageView struct {
	Nonce     string            // of the Content-Security-Policy
	Say       map[string]string // in the reader's language, see catalogues
	Event     face
	Title     string
	Text      string
	Waiting   bool
	Elapsed   int // seconds
	Position  int
	Queue     string // what is said of it
	So        string // for how long it has been starting
	Retry     bool
	RetryIn   int    // seconds
	Code      string // of the problem
	Request   string // id, with the word for it
	Dashboard string // URL
	StatusURL string
}

var page = template.Must(template.New("page").Parse(pageHTML))

// fill puts a value into a sentence of a catalogue.
func fill(text, value string) string { return strings.Replace(text, "{1}", value, 1) }

// waitingPage tells a person that the start goes on, and brings them on as soon as it is done: by events where
// JavaScript runs, else by refreshing.
func waitingPage(w http.ResponseWriter, r *http.Request, s wire.HostStatus, event face) {
	say := sayIn(languageOf(r))
	noStore(w)
	w.Header().Set("Retry-After", "2")
	stage := s.Stage
	if stage == "" {
		stage = say["ready"]
	}
	name := s.Name
	if name == "" {
		name = say["yours"]
	}
	elapsed := int(s.ElapsedMS / 1000)
	write(w, r, http.StatusServiceUnavailable, pageView{
		Say: say, Event: event, Title: fill(say["starting"], name), Text: stage, Waiting: true,
		Elapsed: elapsed, So: fill(say["elapsed"], strconv.Itoa(elapsed)), Position: s.Position, Queue: queued(say, s),
		StatusURL: wire.StatusPath,
	})
}

// queued is a place in the queue and about how long that takes, as the page's script says it too.
func queued(say map[string]string, s wire.HostStatus) string {
	text := fill(say["queue"], strconv.Itoa(s.Position))
	if s.EstimateMS > 0 {
		text += " · " + fill(say["about"], strconv.Itoa(int((s.EstimateMS+999)/1000)))
	}
	return text
}

// titleOf is what stands above a problem.
func titleOf(say map[string]string, p wire.Problem) string {
	switch p.Code {
	case "quota_reached", "challenge_inactive", "draining":
		return say["title "+p.Code]
	case "spawn_failed", "start_timeout", "service_exited", "image_failed":
		return say["failed"]
	}
	switch p.Status {
	case http.StatusNotFound:
		return say["title 404"]
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return say["title 503"]
	case http.StatusTooManyRequests, http.StatusConflict:
		return say["title 429"]
	}
	return say["title"]
}

// problemPage is a problem for people. One of the sidecar's is in their language already.
func problemPage(w http.ResponseWriter, r *http.Request, p wire.Problem, dashboard string, event face) {
	say := sayIn(languageOf(r))
	text := p.Detail
	if own := say[p.Code]; own != "" {
		text = own
	}
	write(w, r, p.Status, pageView{
		Say: say, Event: event, Title: titleOf(say, p), Text: text, Retry: p.RetryAfter > 0, RetryIn: p.RetryAfter,
		Code: p.Code, Request: fill(say["request"], p.RequestID), Dashboard: dashboard,
	})
}

func write(w http.ResponseWriter, r *http.Request, status int, view pageView) {
	view.Nonce = random()
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", view.Say["lang"])
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
