package edge_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// counting is a challenge that says how much it got once its player has ended their side.
func counting(t *testing.T) string {
	t.Helper()
	return testkit.Serve(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		n, _ := io.Copy(io.Discard, conn)
		fmt.Fprint(conn, n)
	}).String()
}

// byName is an edge on the given listener, with a route that ends TLS.
func byName(t *testing.T, listener net.Listener, opener ...edge.Opener) (ended <-chan error) {
	t.Helper()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	routes := edge.NewRoutes(log)
	if err := routes.Publish(
		t.Context(), "a",
		[]whaley.Publication{{Instance: "a", Host: "a.instances.localhost", Type: whaley.RouteTCP, Backend: counting(t)}},
	); err != nil {
		t.Fatal(err)
	}
	opts := edge.Options{
		BaseDomain: "instances.localhost", DashboardURL: "http://whaley.localhost:8080", InternalURL: "http://127.0.0.1:1",
		PluginKey: "a key of the plugin",
		Dashboard: http.NotFoundHandler(), Web: web, TLS: listener, Routes: routes, Log: log,
	}
	if len(opener) > 0 {
		opts.Opener = opener[0]
	}
	e, err := edge.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { done <- e.Run(ctx) })
	t.Cleanup(func() { cancel(); all.Wait() })
	return done
}

// asks sends so many bytes by name, ends its side, and returns what comes back.
func asks(address, name string, size int) (string, error) {
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, strings.Repeat("x", size)); err != nil {
		return "", err
	}
	if err := conn.CloseWrite(); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// flaky fails to accept as a system does that is short of something, for as long as it is short of it.
type flaky struct {
	net.Listener
	short atomic.Bool
	tries atomic.Int64
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.short.Load() {
		f.tries.Add(1)
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return f.Listener.Accept()
}

func TestTLSByNameOutlivesAShortageOfDescriptors(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: inner}
	f.short.Store(true)
	ended := byName(t, f)
	for f.tries.Load() < 3 {
		select {
		case err := <-ended:
			t.Fatalf("the edge ends: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	f.short.Store(false)
	if got, err := asks(inner.Addr().String(), "a.instances.localhost", 1<<20); got != fmt.Sprint(1<<20) {
		t.Errorf("%q %v", got, err)
	}
}

func TestTheEdgeEndsWithItsListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := byName(t, inner)
	if got, err := asks(inner.Addr().String(), "A.Instances.LOCALHOST", 3); got != "3" {
		t.Errorf("%q %v", got, err)
	}
	inner.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "TLS by name") {
		t.Errorf("it ends with %v", err)
	}
}

// TestConnectionsWithoutAHelloKeepNobodyOut holds all that an address gets of them, and half-sent ones too.
func TestConnectionsWithoutAHelloKeepNobodyOut(t *testing.T) {
	listener, err := listen.Open(
		"127.0.0.1:0",
		listen.Options{Name: "EDGE_TLS_LISTEN", Most: 80, Hello: time.Second, Log: slog.New(slog.DiscardHandler)},
	)
	if err != nil {
		t.Fatal(err)
	}
	byName(t, listener)
	var silent []net.Conn
	for n := range 100 {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if errors.Is(err, syscall.ECONNRESET) {
			continue // more than it gets
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if n%2 == 0 {
			io.WriteString(conn, "\x16\x03\x01\x02\x00\x01\x00") // of a hello of 512 bytes
		}
		silent = append(silent, conn)
	}
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := tls.DialWithDialer(
		&from, "tcp", listener.Addr().String(), &tls.Config{ServerName: "a.instances.localhost", InsecureSkipVerify: true},
	)
	if err != nil {
		t.Errorf("another address is kept out: %v", err)
	} else {
		conn.Close()
	}
	for _, conn := range silent {
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("one that says nothing is kept: %v", err)
		}
	}
	// What has said hello is not ended by the time it had for it.
	held, err := tls.Dial(
		"tcp", listener.Addr().String(), &tls.Config{ServerName: "a.instances.localhost", InsecureSkipVerify: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	held.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := held.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one that waits: %v", err)
	}
}
