package kit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Refusals that have nothing of the request in them.
var (
	ErrNotFound = whaley.Errorf(whaley.NotFound, "not_found", "There is nothing at this address.")
	ErrNoHost   = whaley.Errorf(
		whaley.NotFound, "not_found", "No challenge at this address, or it isn't yours. Your addresses are on the dashboard.",
	)
	ErrMethod     = whaley.Errorf(whaley.Invalid, "method_not_allowed", "This address does not answer this method.")
	ErrUnreadable = whaley.Errorf(
		whaley.Invalid, "address_unreadable", "The URL contains invalid characters.",
	)
	errCrossOrigin = whaley.Errorf(
		whaley.Forbidden, "cross_origin", "Another site's page sent this request. Use the dashboard.",
	)
	ErrWrongKey = whaley.Errorf(whaley.Unauthorized, "key_refused", "The key is missing or wrong.")
)

// Statuses is the one table from the kind of an error to the status of an answer.
var Statuses = map[whaley.Kind]int{
	whaley.Invalid:      http.StatusUnprocessableEntity,
	whaley.Unauthorized: http.StatusUnauthorized,
	whaley.Forbidden:    http.StatusForbidden,
	whaley.NotFound:     http.StatusNotFound,
	whaley.Conflict:     http.StatusConflict,
	whaley.Exhausted:    http.StatusTooManyRequests,
	whaley.Unavailable:  http.StatusServiceUnavailable,
	whaley.Internal:     http.StatusInternalServerError,
}

// ProblemOf is an error as the outside may see it: the cause stays in the log.
func ProblemOf(err error) wire.Problem {
	var e *whaley.Error
	if !errors.As(err, &e) {
		e = whaley.Errorf(
			whaley.Internal, "internal",
			"Something went wrong in Whaley itself. Try again; if it keeps happening, tell an organiser the request's id.",
		)
	}
	status := Statuses[e.Kind]
	if e == ErrMethod {
		status = http.StatusMethodNotAllowed
	}
	return wire.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Detail,
		Values: e.Values, RetryAfter: seconds(e.RetryAfter),
	}
}

// seconds rounds up: who waits that long is not early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// Wrap is the one place where errors become answers and panics become errors.
func (a *Surface) Wrap(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(wire.RequestHeader)
		if !idForm.MatchString(id) {
			id = rand.Text()
		}
		w.Header().Set(wire.RequestHeader, id)
		ctx, end := a.traced(whaley.WithRequest(r.Context(), id), r)
		r = r.WithContext(ctx)
		status := http.StatusOK
		defer func() { end(status) }()
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				a.Log.ErrorContext(
					r.Context(), "handler panicked", "path", r.URL.Path, "err", fmt.Sprint(p), "stack", string(debug.Stack()),
				)
				status = a.fail(w, r, id, errors.New("panic"))
			}
		}()
		if err := h(w, r); err != nil {
			status = a.fail(w, r, id, err)
		}
	})
}

// fail writes a problem and returns its status.
func (a *Surface) fail(w http.ResponseWriter, r *http.Request, id string, err error) int {
	p := ProblemOf(err)
	p.RequestID = id
	if p.Status >= 500 && !errors.Is(err, context.Canceled) {
		a.Log.Log(
			r.Context(), levelOf(err), "request failed", "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", err,
		)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.Header().Set("Content-Type", wire.ProblemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	var answer any = p
	var invalid *InvalidChallenge
	if errors.As(err, &invalid) {
		answer = struct {
			wire.Problem
			Problems []FileProblemJSON `json:"problems"`
			Notes    []FileProblemJSON `json:"notes"`
		}{p, FileProblems(invalid.Problems), FileProblems(invalid.Notes)}
	}
	_ = json.NewEncoder(w).Encode(answer) // nobody to tell when the client has gone away
	return p.Status
}

// levelOf is Info for what is refused on purpose, such as a start while starting is paused: nothing is wrong then.
func levelOf(err error) slog.Level {
	var e *whaley.Error
	if errors.As(err, &e) && e.Kind == whaley.Unavailable && e.Err == nil {
		return slog.LevelInfo
	}
	return slog.LevelError
}

// Secured sets what every public answer carries; pages set a policy of their own.
func Secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// CodeNoChallenge is the code of a challenge that is not there, or not for this player to know.
const CodeNoChallenge = "challenge_not_found"

// FileProblemJSON is a problem or a note of a file.
type FileProblemJSON struct {
	File string `json:"file"`
	Line int    `json:"line"` // 0: the whole file
	Key  string `json:"key"`
	Text string `json:"text"`
}

// FileProblems are problems or notes as the API has them.
func FileProblems(all []challenge.Problem) []FileProblemJSON {
	out := []FileProblemJSON{}
	for _, p := range all {
		out = append(out, FileProblemJSON{p.File, p.Line, p.Key, p.Text})
	}
	return out
}

// InvalidChallenge is a refusal with everything that is wrong in the files.
type InvalidChallenge struct {
	Reason   *whaley.Error
	Problems []challenge.Problem
	Notes    []challenge.Problem
}

func (i *InvalidChallenge) Error() string { return i.Reason.Error() }

func (i *InvalidChallenge) Unwrap() error { return i.Reason }
