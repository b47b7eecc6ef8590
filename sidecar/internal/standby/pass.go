package standby

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// errNotActive is what a sidecar answered that is not, or no longer, the active one: nothing took effect.
var errNotActive = errors.New("the sidecar that was asked is not the active one")

// errGone is why an answer is no longer awaited.
var errGone = errors.New("another sidecar is active now")

// pass lets the active sidecar answer. While there is none the request is held, and it is served here once this process
// is it.
func (s *Standby) pass(w http.ResponseWriter, r *http.Request, to *next) {
	body, err := read(r)
	if err != nil {
		http.Error(w, "The body of the request did not arrive.", http.StatusRequestTimeout)
		return
	}
	end := time.NewTimer(s.Hold)
	defer end.Stop()
	for {
		if to.target != nil {
			if again := s.try(w, body.attach(r), to, body); !again {
				return
			}
		}
		if r.Context().Err() != nil {
			return
		}
		if !s.wait(r.Context(), to, end.C) {
			s.Refuse(Err).ServeHTTP(w, r)
			return
		}
		var serving http.Handler
		if serving, to = s.state(); serving != nil {
			serving.ServeHTTP(w, body.attach(r))
			return
		}
	}
}

// wait lets a moment pass, or until something is known. False: there is no use in waiting on.
func (s *Standby) wait(ctx context.Context, to *next, end <-chan time.Time) bool {
	select {
	case s.held <- struct{}{}:
		defer func() { <-s.held }()
	default:
		return false
	}
	select {
	case <-to.changed:
	case <-time.After(askEvery):
	case <-ctx.Done():
	case <-end:
		return false
	case <-s.ctx.Done():
		return false
	}
	return true
}

// try asks one sidecar. Again means that the request had no effect there and nothing is written yet.
func (s *Standby) try(w http.ResponseWriter, r *http.Request, to *next, body *body) (again bool) {
	const waiting, answered, left = 0, 1, 2
	var state atomic.Int32
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	repeats := (r.Method == http.MethodGet || r.Method == http.MethodHead) && !body.used()
	go func() { // one that was active may still answer, or hang
		select {
		case <-ctx.Done():
			return
		case <-to.changed:
		}
		wait := grace
		if repeats {
			wait = 0
		}
		if sleep(ctx, wait); state.CompareAndSwap(waiting, left) {
			cancel(errGone)
		}
		sleep(ctx, streamEnd)
		cancel(errGone)
	}()
	proxy := &httputil.ReverseProxy{
		Transport: s.transport, FlushInterval: -1, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		Rewrite: func(p *httputil.ProxyRequest) { mark(p, to) },
		ModifyResponse: func(resp *http.Response) error {
			if notActive(resp) {
				return errNotActive
			}
			if !state.CompareAndSwap(waiting, answered) {
				return errGone
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, out *http.Request, err error) {
			switch {
			case r.Context().Err() != nil: // whoever asked has gone
			case undelivered(err), repeats, errors.Is(err, errNotActive) && !body.used():
				again = true
			case errors.Is(err, errNotActive):
				s.Refuse(Err).ServeHTTP(w, out)
			default:
				s.Log.Warn("a request that was passed on to the active sidecar has no answer", "method", r.Method, "err", err)
				s.Refuse(errLost).ServeHTTP(w, out)
			}
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
	return again
}

// undelivered says whether nothing of a request can have arrived.
func undelivered(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// notActive says whether a sidecar has answered that another is to be asked.
func notActive(resp *http.Response) bool {
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Content-Type") != wire.ProblemType {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return false
	}
	var problem wire.Problem
	if json.Unmarshal(text, &problem) == nil && problem.Code == wire.CodeStandby {
		return true
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(string(text)), resp.Body), resp.Body}
	return false
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
