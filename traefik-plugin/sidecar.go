package whaley

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	callTimeout  = 5 * time.Second // of a call to the sidecar, beyond what it was asked to wait
	maxReply     = 256 << 10       // bytes
	downFor      = time.Second     // how long a failed sidecar is not asked about what is known anyway
	errorPause   = time.Minute     // between two lines of log about the same trouble
	dialTimeout  = 2 * time.Second // to a sidecar
	idleTimeout  = 30 * time.Second
	idlePerHost  = 64
	idleAltogeth = 512
)

// errSidecar means that the sidecar could not be asked, or did not answer as agreed.
var errSidecar = errors.New("sidecar unavailable")

// errStandby means that no sidecar is active now and one is about to be: it starts, or takes over.
var errStandby = errors.New("sidecar on its way")

// sidecar is the internal API, with all that is remembered of its answers.
type sidecar struct {
	urls   []string // of the sidecar, or of an active one and its standbys
	key    string
	client *http.Client

	mu        sync.Mutex
	current   int               // the one that answered last
	known     map[string]known  // running hosts by host and asker
	ready     map[string]*ready // by what requests say of themselves
	verified  map[string]verifiedTicket
	forged    map[string]*keyring // tickets that none of these keys has signed
	keys      *keyring
	keysAt    time.Time
	turns     *turn.Turns // there once keys are
	width     int         // that they were made with
	face      face        // how the event looks
	fetching  bool
	streams   map[string]int // open status streams by asker
	open      int            // and altogether
	opened    map[string]int // websockets and the like, by host and address
	downUntil time.Time
	loggedAt  time.Time
}

// The sidecars of all middlewares: package-level because Traefik makes new middlewares at every reload of its
// configuration while requests go on in the old ones.
var (
	sidecarsMu sync.Mutex
	sidecars   = map[string]*sidecar{}
)

func sidecarAt(urls []string, key string) *sidecar {
	id := strings.Join(urls, ",") + "\x00" + key
	sidecarsMu.Lock()
	defer sidecarsMu.Unlock()
	s := sidecars[id]
	if s == nil {
		s = &sidecar{
			urls: urls, key: key,
			client:   newClient(),
			known:    map[string]known{},
			ready:    map[string]*ready{},
			verified: map[string]verifiedTicket{},
			streams:  map[string]int{},
			opened:   map[string]int{},
			forged:   map[string]*keyring{},
		}
		sidecars[id] = s
	}
	return s
}

// newClient is one that gives up soon on a sidecar that says nothing: one that has a call wait says so at once.
func newClient() *http.Client {
	transport := newTransport(dialTimeout)
	transport.ResponseHeaderTimeout = callTimeout
	return &http.Client{Transport: transport, CheckRedirect: noRedirect}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newTransport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, fmt.Errorf("%w: %s", errUnreached, err.Error())
			}
			return conn, nil
		},
		MaxIdleConns:        idleAltogeth,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true, // what the client accepts is between it and the container
	}
}

// call asks the sidecar that answered last, and if that cannot be asked, the others: no call does harm when it is made
// twice.
func (s *sidecar) call(
	ctx context.Context, path string, timeout time.Duration, request, reply interface{},
	held func(),
) (*wire.Problem, error) {
	s.mu.Lock()
	first := s.current
	s.mu.Unlock()
	standby := false
	for n := 0; ; n++ {
		at := (first + n) % len(s.urls)
		problem, err := s.callAt(ctx, s.urls[at], path, timeout, request, reply, held)
		if err == nil {
			s.mu.Lock()
			s.current = at
			s.mu.Unlock()
			return problem, nil
		}
		standby = standby || errors.Is(err, errStandby)
		if n < len(s.urls)-1 && ctx.Err() == nil {
			continue
		}
		if standby {
			return nil, errStandby
		}
		return nil, err
	}
}

// callAt posts a request (or, with nil, gets) and decodes the answer; held is told if that takes its time. A problem
// that the sidecar answered is returned as such; everything else that goes wrong is errSidecar.
func (s *sidecar) callAt(
	ctx context.Context, url, path string, timeout time.Duration, request, reply interface{},
	held func(),
) (*wire.Problem, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	method := http.MethodGet
	var body io.Reader
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		method = http.MethodPost
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, url+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/json")
	carry(ctx, r.Header)
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, s.failed(ctx, url+path, err.Error())
	}
	defer resp.Body.Close()
	if held != nil && resp.Header.Get(wire.HeldHeader) != "" {
		held()
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, s.failed(ctx, url+path, err.Error())
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, reply); err != nil {
			return nil, s.failed(ctx, url+path, err.Error())
		}
		return nil, nil
	}
	problem := &wire.Problem{}
	unreadable := json.Unmarshal(text, problem) != nil
	if problem.Code == wire.CodeStandby {
		return nil, errStandby
	}
	if unreadable || problem.Code == "" || resp.StatusCode == http.StatusUnauthorized {
		return nil, s.failed(ctx, url+path, "answered "+resp.Status+" "+problem.Detail)
	}
	return problem, nil
}

// failed logs, now and then, why the sidecar could not be asked. Its own key is in none of these texts.
func (s *sidecar) failed(ctx context.Context, at, why string) error {
	if ctx.Err() == context.Canceled {
		return errSidecar // the client went away
	}
	s.mu.Lock()
	now := time.Now()
	s.downUntil = now.Add(downFor)
	quiet := now.Sub(s.loggedAt) < errorPause
	if !quiet {
		s.loggedAt = now
	}
	s.mu.Unlock()
	if !quiet {
		logError("the sidecar at " + at + " could not be asked: " + why)
	}
	return errSidecar
}
