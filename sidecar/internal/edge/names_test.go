package edge_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/inetaf/tcpproxy"

	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// starter is an opener of one name, which runs once it is told so.
type starter struct {
	name  string
	route whaley.Publication
	asked chan netip.Addr
	runs  chan struct{}
}

func newStarter(name string, route whaley.Publication) *starter {
	return &starter{name: name, route: route, asked: make(chan netip.Addr, 100), runs: make(chan struct{})}
}

func (s *starter) Open(ctx context.Context, name string, from netip.Addr) (whaley.Publication, bool) {
	if name != s.name {
		return whaley.Publication{}, false
	}
	s.asked <- from
	select {
	case <-s.runs:
		return s.route, true
	case <-ctx.Done():
		return whaley.Publication{}, false
	}
}

// speaking is a challenge that ends TLS itself, and says how much it got.
func speaking(t *testing.T) string {
	t.Helper()
	l := listening(t)
	inner, config := counting(t), certificate(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go tcpproxy.To(inner).HandleConn(tls.Server(conn, config))
		}
	}()
	return l.Addr().String()
}

// certificate is one that no client checks.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
}

func listening(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// silence wants a connection by a name to end without a byte.
func silence(t *testing.T, address, name string) {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	heard := &hearing{Conn: raw}
	conn := tls.Client(heard, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	raw.SetDeadline(time.Now().Add(30 * time.Second))
	if err := conn.Handshake(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) || heard.bytes.Load() > 0 {
		t.Errorf("%s: %v after %d bytes", name, err, heard.bytes.Load())
	}
}

type hearing struct {
	net.Conn
	bytes atomic.Int64
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.bytes.Add(int64(n))
	return n, err
}

func TestAConnectionByTLSIsHeldUntilItsInstanceRuns(t *testing.T) {
	for _, passthrough := range []bool{false, true} {
		t.Run(fmt.Sprintf("passthrough=%t", passthrough), func(t *testing.T) {
			backend := counting(t)
			if passthrough {
				backend = speaking(t)
			}
			s := newStarter(
				"sleeps.instances.localhost", whaley.Publication{Type: whaley.RouteTCP, Backend: backend, Passthrough: passthrough},
			)
			l := listening(t)
			byName(t, l, s)
			silence(t, l.Addr().String(), "nobodys.instances.localhost")
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if got, err := asks(l.Addr().String(), "Sleeps.Instances.localhost", 1<<20); got != fmt.Sprint(1<<20) {
						t.Errorf("%q %v", got, err)
					}
				})
			}
			for range 3 {
				if from := <-s.asked; from != netip.MustParseAddr("127.0.0.1") {
					t.Errorf("it comes from %s", from)
				}
			}
			close(s.runs)
			all.Wait()
		})
	}
}

// proxying is what Traefik is here: it ends TLS for the names that it knows, and leads all others to one address.
type proxying struct {
	known    atomic.Bool
	tries    atomic.Int64
	now      atomic.Int64 // connections that it leads to where unknown names go
	listener net.Listener
}

func newProxying(t *testing.T, backend, unknown string) *proxying {
	t.Helper()
	p := &proxying{listener: listening(t)}
	config := certificate(t)
	proxy := &tcpproxy.Proxy{ListenFunc: func(string, string) (net.Listener, error) { return p.listener, nil }}
	proxy.AddSNIRouteFunc("", func(_ context.Context, name string) (tcpproxy.Target, bool) {
		if p.known.Load() && strings.HasPrefix(name, "sleeps.") {
			return ending{config, backend}, true
		}
		p.tries.Add(1)
		return counted{tcpproxy.To(unknown), &p.now}, true
	})
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	return p
}

// counted counts the connections that it leads somewhere.
type counted struct {
	onward tcpproxy.Target
	now    *atomic.Int64
}

func (c counted) HandleConn(conn net.Conn) {
	c.now.Add(1)
	c.onward.HandleConn(conn)
	c.now.Add(-1)
}

type ending struct {
	config  *tls.Config
	backend string
}

func (e ending) HandleConn(conn net.Conn) {
	tcpproxy.To(e.backend).HandleConn(tls.Server(conn, e.config))
}

func TestBehindTraefikAConnectionGoesBackOnceItsRouteIsThere(t *testing.T) {
	l := listening(t)
	traefik := newProxying(t, counting(t), l.Addr().String())
	s := newStarter("sleeps.instances.localhost", whaley.Publication{Type: whaley.RouteTCP})
	behind := &edge.Behind{
		Listener: l, Opener: s, Port: traefik.listener.Addr().(*net.TCPAddr).Port, Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := behind.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer cancel()
	at := traefik.listener.Addr().String()
	silence(t, at, "nobodys.instances.localhost")
	traefik.tries.Store(0)
	var asking sync.WaitGroup
	asking.Go(func() {
		if got, err := asks(at, "sleeps.instances.localhost", 1<<20); got != fmt.Sprint(1<<20) {
			t.Errorf("%q %v", got, err)
		}
	})
	<-s.asked
	close(s.runs)
	for traefik.tries.Load() < 5 { // it comes back as often as Traefik has no route
		time.Sleep(time.Millisecond)
	}
	traefik.known.Store(true)
	asking.Wait()
	if len(s.asked) > 0 {
		t.Error("what came back was held once more")
	}
	if got, err := asks(at, "sleeps.instances.localhost", 3); got != "3" {
		t.Errorf("and the next connection: %q %v", got, err)
	}
}

// TestOfManyWhoWaitForTraefikOneTriesIt has forty connections wait for one name. While Traefik has no route yet one of
// them comes back to it, and then all.
func TestOfManyWhoWaitForTraefikOneTriesIt(t *testing.T) {
	const many = 40
	l := listening(t)
	traefik := newProxying(t, counting(t), l.Addr().String())
	s := newStarter("sleeps.instances.localhost", whaley.Publication{Type: whaley.RouteTCP, Host: "sleeps.instances.localhost"})
	behind := &edge.Behind{
		Listener: l, Opener: s, Port: traefik.listener.Addr().(*net.TCPAddr).Port, Log: slog.New(slog.DiscardHandler),
		Turns: many,
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := behind.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer cancel()
	var asking sync.WaitGroup
	for range many {
		asking.Go(func() {
			if got, err := asks(traefik.listener.Addr().String(), "sleeps.instances.localhost", 3); got != "3" {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	for range many {
		<-s.asked
	}
	close(s.runs)
	most := int64(0)
	for traefik.tries.Load() < many+20 {
		most = max(most, traefik.now.Load())
		time.Sleep(time.Millisecond)
	}
	if most > many+10 { // a try that has ended may be counted a moment longer
		t.Errorf("%d are on their way at the same time, of which %d are held", most, many)
	}
	traefik.known.Store(true)
	asking.Wait()
}

func TestBehindTraefikWhatEndsTLSItselfIsReachedAtOnce(t *testing.T) {
	l := listening(t)
	traefik := newProxying(t, "", l.Addr().String())
	s := newStarter(
		"sleeps.instances.localhost", whaley.Publication{Type: whaley.RouteTCP, Backend: speaking(t), Passthrough: true},
	)
	close(s.runs)
	behind := &edge.Behind{Listener: l, Opener: s, Port: 1, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := behind.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer all.Wait()
	defer cancel()
	if got, err := asks(traefik.listener.Addr().String(), "sleeps.instances.localhost", 1<<20); got != fmt.Sprint(1<<20) {
		t.Errorf("%q %v", got, err)
	}
}

// TestNamesThatOneAddressGuessesAreLookedUpOneAfterTheOther has many connections ask for names at once.
func TestNamesThatOneAddressGuessesAreLookedUpOneAfterTheOther(t *testing.T) {
	l := listening(t)
	var now, most atomic.Int64
	behind := &edge.Behind{Listener: l, Turns: 1, Log: slog.New(slog.DiscardHandler), Opener: guesses(func() {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
	})}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- behind.Run(ctx) }()
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() { silence(t, l.Addr().String(), fmt.Sprintf("guess-%d.instances.localhost", n)) })
	}
	all.Wait()
	if n := most.Load(); n > 12 { // a turn is over after 20 ms, however slow this machine is
		t.Errorf("%d are looked up at the same time", n)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// guesses is an Opener for names that lead nowhere.
type guesses func()

func (g guesses) Open(context.Context, string, netip.Addr) (whaley.Publication, bool) {
	g()
	return whaley.Publication{}, false
}
