package whaley

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/flow"
	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	holdNavigation = 4 * time.Second  // then a person sees the waiting page
	holdOther      = 45 * time.Second // Traefik's default read time-out is 60 s
	restartHold    = 6 * time.Second  // for a sidecar that cannot be asked: it may be restarting
	restartPause   = 200 * time.Millisecond
	unreachedTries = 4
	unreachedPause = 150 * time.Millisecond
)

// visit is one request to an instance's host.
type visit struct {
	host       string // lower case, without port
	navigation bool   // a person looks at what comes back
	ring       *keyring
	query      wire.HostRequest
	forwarded  string // what becomes of forwarding headers that a client sends
	target     string // of the request line, as it was sent
	key        string // of a request that may be ready, see there
	at         string // the container that it goes to, for the log
	unreached  error  // why no connection to it came about
	expires    int64  // of the ticket that was shown, Unix seconds; 0: none
	over       bool   // that ticket has ended
	renewed    bool   // there is a new one in the answer's cookies
	signedIn   bool   // the asker is known: by ticket, or by address where that is enough
	request    string // its id, once somebody needs it
	trace      string // the traceparent of its wakes
	address    netip.Addr
	end        func()    // of its turn, see inTurn
	open       string    // where what it may become is counted, see hasRoom
	down       time.Time // since when the sidecar could not be asked; zero: it can be
	held       bool      // the sidecar has it wait: what it asks for does not run
}

// ServeHTTP decides what becomes of a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := h.readyKey(r)
	if key != "" && h.serveReady(w, r, key) {
		return
	}
	v := &visit{host: host.Clean(r.Host), navigation: isNavigation(r), key: key}
	if !strings.HasSuffix(v.host, "."+h.base) {
		h.next.ServeHTTP(w, r)
		return
	}
	if h.tooMany(w, r, v) {
		return
	}
	ring, err := h.sidecar.ring(r.Context())
	if err != nil {
		h.unavailable(w, r, v)
		return
	}
	v.ring = ring
	if !h.inTurn(w, r, v) {
		return
	}
	defer h.leave(v)
	if _, ok := host.Parse(v.host, h.base); !ok {
		h.stranger(w, r, v)
		return
	}
	h.identify(r, v)
	if isReserved(r.URL.Path) {
		h.reserved(w, r, v)
		return
	}
	if h.acceptable(w, r, v) {
		bounded, end := flow.Bound(w, r)
		defer end()
		h.serve(w, bounded, v)
	}
}

// tooMany refuses what costs too much to look at.
func (h *Handler) tooMany(w http.ResponseWriter, r *http.Request, v *visit) bool {
	if len(r.Header) <= maxNames {
		return false
	}
	h.problem(w, r, v, wire.Problem{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "too_many_headers",
		Detail: "This request has more headers than are passed on. Send fewer than 256 different ones."})
	return true
}

// acceptable refuses what no container can be asked, and finds out what else one is asked.
func (h *Handler) acceptable(w http.ResponseWriter, r *http.Request, v *visit) bool {
	if r.Method == http.MethodConnect {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
		h.problem(w, r, v, wire.Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Detail: "A challenge at an address for the web cannot be asked to connect to somewhere."})
		return false
	}
	if v.target = sentTarget(w, r); !canBeSent(v.target) {
		h.badTarget(w, r, v, "The path of a request holds no # and no space. Write %23 and %20.")
		return false
	}
	return true
}

func (h *Handler) badTarget(w http.ResponseWriter, r *http.Request, v *visit, why string) {
	h.problem(w, r, v, wire.Problem{Status: http.StatusBadRequest, Code: "bad_target", Detail: why})
}

// serve proxies to what runs, else wakes it. A container that was there a moment ago and does not answer may have
// stopped since: then it is asked again what the host is. A sidecar that restarts meanwhile is asked again as well,
// since asking twice makes no second instance.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, v *visit) {
	end := time.Now().Add(h.hold(v))
	unreached := 0 // how often the container did not accept a connection
	for {
		status, asked, err := h.wake(r, v, end)
		if r.Context().Err() != nil {
			return // nobody waits any more
		}
		if err != nil {
			if v.down.IsZero() {
				v.down = time.Now()
			}
			v.done()
			waits := time.Since(v.down) < restartHold || errors.Is(err, errStandby)
			if waits && time.Now().Before(end) && sleep(r, restartPause) {
				continue
			}
			h.unavailable(w, r, v)
			return
		}
		status = h.renew(w, v, status)
		v.down = time.Time{}
		if status.Ending && time.Now().Before(end) && sleep(r, restartPause) {
			continue // the next sidecar holds the request on
		}
		if status.State != wire.StateRunning && !status.Mine {
			h.stranger(w, r, v)
			return
		}
		if status.State != wire.StateRunning || status.Problem != nil {
			h.notRunning(w, r, v, status)
			return
		}
		if status.Access != "link" && !status.Mine {
			h.stranger(w, r, v)
			return
		}
		meet(status.Backend, status.Instance)
		v.at = status.Instance + " at " + status.Backend
		if v.forwarded = status.Forwarded; v.key != "" && !asClaimed(v.forwarded) {
			h.prepare(r, v, v.key, status.Backend)
		}
		if r.Header.Get("Upgrade") == "" {
			v.done()
		}
		if h.forward(w, r, v, status.Backend) {
			return
		}
		v.done()
		h.sidecar.forget(v.query)
		h.sidecar.unready(v.key)
		unreached++
		if unreached == unreachedTries {
			notReached.tell(v.at, "no connection to", v.unreached)
			h.problem(w, r, v, wire.Problem{Status: http.StatusBadGateway, Code: "no_answer", RetryAfter: 2,
				Detail: "The challenge runs but does not accept connections. Try again; if it keeps happening, stop it on the dashboard and start it anew."})
			return
		}
		if !asked {
			continue // it was only remembered, and may have stopped since
		}
		if !sleep(r, unreachedPause) {
			return
		}
	}
}

// wake says what a host is, once it runs if it is the asker's, or as it is at the end of the hold, and whether that was
// asked just now. Running hosts are remembered for a moment; while the sidecar cannot be asked, for as long as that
// takes.
func (h *Handler) wake(r *http.Request, v *visit, end time.Time) (status wire.HostStatus, asked bool, err error) {
	known, seen, fresh := h.sidecar.recall(v.query)
	if fresh {
		return known, false, nil
	}
	query := v.query
	if left := time.Until(end); left > 0 {
		query.WaitMS = int((left + time.Millisecond - 1) / time.Millisecond)
	}
	if v.navigation {
		query.Language = languageOf(r)
	}
	v.held = false
	status, err = h.sidecar.ask(v.traced(r), wire.PathWake, query, func() { h.waits(v) })
	if err != nil && seen && !v.held {
		return known, false, nil
	}
	return status, true, err
}

// waits notes that the sidecar has a request wait: it needs its turn no more, and what was known of the host does not
// hold.
func (h *Handler) waits(v *visit) {
	v.done()
	v.held = true
	v.down = time.Time{} // it answers; should it end meanwhile, that is another outage
	h.sidecar.forget(v.query)
}

func (h *Handler) hold(v *visit) time.Duration {
	if v.navigation {
		return holdNavigation
	}
	return holdOther
}

// notRunning answers when the hold is over or was of no use.
func (h *Handler) notRunning(w http.ResponseWriter, r *http.Request, v *visit, status wire.HostStatus) {
	switch {
	case status.State == wire.StateUnknown:
		h.stranger(w, r, v)
	case status.Problem != nil:
		h.problem(w, r, v, *status.Problem)
	case v.navigation:
		waitingPage(w, r, status, h.sidecar.looks())
	default:
		h.problem(w, r, v, wire.Problem{Status: http.StatusServiceUnavailable, Code: "still_starting", RetryAfter: 2,
			Detail: "The challenge is still starting. Send the request again."})
	}
}

// stranger answers whoever may not know what is behind a host. It says the same of every host.
func (h *Handler) stranger(w http.ResponseWriter, r *http.Request, v *visit) {
	if v.ring.authMode != wire.AuthNone && !v.signedIn {
		h.ticketRequired(w, r, v)
		return
	}
	h.problem(w, r, v, wire.Problem{Status: http.StatusNotFound, Code: "not_found",
		Detail: "No challenge at this address, or it isn't yours. Your addresses are on the dashboard."})
}

// isNavigation says whether a person will look at the answer. A form that is sent is none: the page that would tell
// them to wait could not send it again.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Upgrade") == ""
}

// sleep waits, unless the client goes away first. Interpreted, all who run the same select share what it waits for: one
// request would wake by another's timer, or end with another's client. Hence none here.
func sleep(r *http.Request, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	<-ctx.Done()
	return r.Context().Err() == nil
}
