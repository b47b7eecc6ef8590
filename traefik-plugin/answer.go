package whaley

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

const lastAnswer = 5 * time.Second // for what is written to a connection before it is closed

// logError writes to Traefik's error log, which is where standard error of a plugin goes.
func logError(text string) { _, _ = os.Stderr.WriteString("whaley: " + text + "\n") }

// methodOf is the method of a request as it is logged.
func methodOf(r *http.Request) string {
	if len(r.Method) > len(http.MethodOptions) {
		return "a request"
	}
	return r.Method
}

func noStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

// problem answers a program with problem+json and a person with a page that says the same.
func (h *Handler) problem(w http.ResponseWriter, r *http.Request, v *visit, p wire.Problem) {
	p.Type = "about:blank"
	p.Title = http.StatusText(p.Status)
	p.RequestID = v.id(r)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	noStore(w)
	if v.navigation {
		problemPage(w, r, p, h.dashboard, h.sidecar.looks())
		return
	}
	w.Header().Set("Content-Type", wire.ProblemType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // nobody to tell when the client has gone away
}

// problemTo answers the last request of a connection that is not the server's any more, and closes it.
func (h *Handler) problemTo(conn net.Conn, r *http.Request, v *visit, p wire.Problem) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(lastAnswer))
	kept := &unsent{header: http.Header{}, status: http.StatusOK}
	h.problem(kept, r, v, p)
	answer := &http.Response{
		StatusCode: kept.status, ProtoMajor: 1, ProtoMinor: 1, Header: kept.header, Request: r, Close: true,
		Body: io.NopCloser(&kept.body), ContentLength: int64(kept.body.Len()),
	}
	_ = answer.Write(conn) // who sent half a request may be gone
}

// unsent holds an answer of ours until it can be written.
type unsent struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (u *unsent) Header() http.Header                { return u.header }
func (u *unsent) WriteHeader(status int)             { u.status = status }
func (u *unsent) Write(text []byte) (n int, _ error) { return u.body.Write(text) }

func (h *Handler) unavailable(w http.ResponseWriter, r *http.Request, v *visit) {
	if r.Context().Err() != nil {
		return // nobody waits any more
	}
	h.problem(w, r, v, wire.Problem{Status: http.StatusServiceUnavailable, Code: "sidecar_unavailable", RetryAfter: 5,
		Detail: "Whaley is restarting or out of order, so nothing can be started right now. Try again in a few seconds; if it keeps happening, tell an organiser."})
}

// id is the request's id, the same in everything that is said of it.
func (v *visit) id(r *http.Request) string {
	if v.request == "" {
		v.request = requestID(r)
	}
	return v.request
}

// requestID is what the client or a proxy before us called this request, if that is harmless, else a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(wire.RequestHeader); nonceForm.MatchString(id) {
		return id
	}
	return random()
}
