package plugintest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	base      = "instances.localhost"
	dashboard = "http://whaley.localhost:8080"
	key       = "the key of the plugin"
	web       = "web-abcdefghijklm." + base
	pwn       = "pwn-abcdefghijklm." + base
	owner     = "user_owner"
)

var signing = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

// world is a middleware with a script in the place of the sidecar and a container that says what it was sent.
type world struct {
	t         testing.TB
	make      maker
	front     *httptest.Server
	internal  *httptest.Server
	container *httptest.Server
	second    *httptest.Server // another container

	mu      sync.Mutex
	mode    string
	look    wire.Keys                                         // how the event looks
	script  map[string]func(wire.HostRequest) wire.HostStatus // path of the internal API → answer
	calls   map[string]int
	header  map[string]http.Header // path of the internal API → of the last call
	down    bool
	holds   bool             // it says at once that an answer takes its time
	cookie  []string         // what the container sets
	hostile http.HandlerFunc // what the container does instead
	seen    []string         // what the container was asked for
}

func newWorld(t testing.TB, make maker) *world {
	t.Helper()
	w := &world{
		t: t, make: make, mode: wire.AuthCTFd, script: map[string]func(wire.HostRequest) wire.HostStatus{},
		calls: map[string]int{}, header: map[string]http.Header{},
	}
	w.internal = httptest.NewServer(http.HandlerFunc(w.serveInternal))
	w.container = httptest.NewServer(http.HandlerFunc(w.serveContainer))
	w.second = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "second") }))
	next := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "next") })
	middleware, err := make(t, next, settings{internal: w.internal.URL, key: key, base: base, dashboard: dashboard})
	if err != nil {
		t.Fatal(err)
	}
	w.front = httptest.NewServer(middleware)
	t.Cleanup(func() {
		w.front.Close()
		w.internal.Close()
		w.container.Close()
		w.second.Close()
	})
	return w
}

func (w *world) serveInternal(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.calls[r.URL.Path]++
	w.header[r.URL.Path] = r.Header
	script, mode, down, holds, look := w.script[r.URL.Path], w.mode, w.down, w.holds, w.look
	w.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	if r.Header.Get("Authorization") != "Bearer "+key {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer := func(value any) { json.NewEncoder(rw).Encode(value) }
	switch r.URL.Path {
	case wire.PathKeys:
		look.AuthMode, look.TrustedProxies, look.AddressTurns = mode, []string{"10.0.0.0/8"}, 1
		look.TicketKeys = []string{base64.RawURLEncoding.EncodeToString(signing.Public().(ed25519.PublicKey))}
		answer(look)
	case wire.PathTicket:
		var q wire.TicketRequest
		json.NewDecoder(r.Body).Decode(&q)
		if q.Code != "good" || q.Nonce != "nonce-nonce-nonce-1" {
			rw.WriteHeader(http.StatusForbidden)
			answer(wire.Problem{Status: 403, Code: "code_refused"})
			return
		}
		expires := time.Now().Add(time.Hour).Unix()
		answer(wire.TicketResponse{Ticket: w.ticket(q.Host), Expires: expires})
	default:
		var q wire.HostRequest
		json.NewDecoder(r.Body).Decode(&q)
		if script == nil {
			answer(wire.HostStatus{State: wire.StateUnknown, Version: "unknown"})
			return
		}
		if holds {
			rw.Header().Set(wire.HeldHeader, "1")
			rw.WriteHeader(http.StatusOK)
			rw.(http.Flusher).Flush()
		}
		answer(script(q))
	}
}

func (w *world) serveContainer(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.seen = append(w.seen, r.Method+" "+r.RequestURI)
	hostile := w.hostile
	w.mu.Unlock()
	if hostile != nil {
		hostile(rw, r)
		return
	}
	sum := sha256.New()
	n, _ := io.Copy(sum, r.Body)
	for _, line := range w.cookie {
		rw.Header().Add("Set-Cookie", line)
	}
	fmt.Fprintf(
		rw, "container %s %s %d %s\nHost: %s\n", r.Method, r.URL.RequestURI(), n, hex.EncodeToString(sum.Sum(nil)), r.Host,
	)
	r.Header.Write(rw)
}

func (w *world) on(path string, script func(wire.HostRequest) wire.HostStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script[path] = script
}

// away lets the sidecar answer nothing, or answer again.
func (w *world) away(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

func (w *world) called(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[path]
}

// running is what the sidecar says of a running host.
func (w *world) running(access string) func(wire.HostRequest) wire.HostStatus {
	return func(q wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{
			State: wire.StateRunning, Mine: q.Owner == owner, Access: access, Backend: w.container.URL, Version: "1",
		}
	}
}

// mine is a host that is not running and belongs to the owner.
func mine(state string) func(wire.HostRequest) wire.HostStatus {
	return func(q wire.HostRequest) wire.HostStatus {
		if q.Owner != owner {
			return wire.HostStatus{State: wire.StateUnknown, Version: "unknown"}
		}
		return wire.HostStatus{
			State: state, Mine: true, Access: "link", Name: "Notes <b>", Stage: "Setting up the network", Version: "2",
			ElapsedMS: 1500, Position: 3, EstimateMS: 6500,
		}
	}
}

func (w *world) ticket(host string) string {
	token, err := ticket.Sign(
		signing, ticket.Claims{Host: host, Owner: owner, Player: owner, Expires: time.Now().Add(time.Hour).Unix()},
	)
	if err != nil {
		w.t.Error(err)
	}
	return token
}

type reply struct {
	Status int
	Header http.Header
	Body   string
}

func (w *world) get(host, path string, header ...string) reply {
	return w.send("GET", host, path, "", header...)
}

func (w *world) send(method, host, path, body string, header ...string) reply {
	w.t.Helper()
	r, err := http.NewRequest(method, w.front.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Host = host
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Add(header[n], header[n+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

func (r reply) problem(t *testing.T) wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatalf("no problem: %d %q", r.Status, r.Body)
	}
	return p
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}
