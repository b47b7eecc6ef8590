package api

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
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var (
	errNotFound = whaley.Errorf(whaley.NotFound, "not_found", "There is nothing at this address.")
	errNoHost   = whaley.Errorf(
		whaley.NotFound, "not_found", "No challenge at this address, or it isn't yours. Your addresses are on the dashboard.",
	)
	errMethod     = whaley.Errorf(whaley.Invalid, "method_not_allowed", "This address does not answer this method.")
	errUnreadable = whaley.Errorf(
		whaley.Invalid, "address_unreadable", "The address has characters that no address here has.",
	)
	errCrossOrigin = whaley.Errorf(
		whaley.Forbidden, "cross_origin", "Another site's page sent this request. Use the dashboard.",
	)
	errWrongKey = whaley.Errorf(whaley.Unauthorized, "key_refused", "The key is missing or wrong.")
)

// statuses is the one table from the kind of an error to the status of an answer.
var statuses = map[whaley.Kind]int{
	whaley.Invalid:      http.StatusUnprocessableEntity,
	whaley.Unauthorized: http.StatusUnauthorized,
	whaley.Forbidden:    http.StatusForbidden,
	whaley.NotFound:     http.StatusNotFound,
	whaley.Conflict:     http.StatusConflict,
	whaley.Exhausted:    http.StatusTooManyRequests,
	whaley.Unavailable:  http.StatusServiceUnavailable,
	whaley.Internal:     http.StatusInternalServerError,
}

// problemOf is an error as the outside may see it: the cause stays in the log.
func problemOf(err error) wire.Problem {
	var e *whaley.Error
	if !errors.As(err, &e) {
		e = whaley.Errorf(
			whaley.Internal, "internal",
			"Something went wrong in Whaley itself. Try again; if it keeps happening, tell an organiser the request's id.",
		)
	}
	status := statuses[e.Kind]
	if e == errMethod {
		status = http.StatusMethodNotAllowed
	}
	return wire.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Detail,
		RetryAfter: seconds(e.RetryAfter),
	}
}

// seconds rounds up: who waits that long is not early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// wrap is the one place where errors become answers and panics become errors.
func (a *API) wrap(h handler) http.Handler {
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
func (a *API) fail(w http.ResponseWriter, r *http.Request, id string, err error) int {
	p := problemOf(err)
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
	var invalid *invalidChallenge
	if errors.As(err, &invalid) {
		answer = struct {
			wire.Problem
			Problems []fileProblemJSON `json:"problems"`
			Notes    []fileProblemJSON `json:"notes"`
		}{p, fileProblems(invalid.problems), fileProblems(invalid.notes)}
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

// secured sets what every public answer carries; pages set a policy of their own.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
