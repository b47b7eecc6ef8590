package probe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// services is what may stand behind a route; each says what it speaks, or nothing for what is not ready.
var services = map[string]struct {
	serve  func(net.Listener)
	speaks whaley.Scheme
}{
	"a web server":       {func(l net.Listener) { http.Serve(l, http.NotFoundHandler()) }, whaley.SchemeHTTP},
	"HTTP/2 without TLS": {func(l net.Listener) { serveHTTP2(l) }, whaley.SchemeH2C},
	"TLS": {func(l net.Listener) {
		serveEach(
			tls.NewListener(l, ownTLS("http/1.1")),
			func(c net.Conn) { c.Read(make([]byte, 512)); io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") },
		)
	}, whaley.SchemeHTTPS},
	// It says so in plain text, as several do.
	"TLS that helps": {
		func(l net.Listener) { http.Serve(tls.NewListener(l, ownTLS("http/1.1")), http.NotFoundHandler()) }, "any",
	},
	"TLS of HTTP/2 only": {func(l net.Listener) {
		serveEach(tls.NewListener(l, ownTLS("h2")), func(c net.Conn) {
			io.ReadFull(c, make([]byte, 24))
			c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		})
	}, whaley.SchemeHTTPS},
	"TLS that asks who": {func(l net.Listener) {
		serveEach(tls.NewListener(l, strictTLS()), func(c net.Conn) { c.Read(make([]byte, 1)) })
	}, whaley.SchemeHTTPS},
	"a greeting of its own": {
		func(l net.Listener) { serveEach(l, func(c net.Conn) { io.WriteString(c, "220 hello\r\n") }) }, whaley.SchemeHTTP,
	},
	// It ends what is not HTTP/2 without a word, and says nothing before it has heard the preface.
	"a shy gRPC server": {func(l net.Listener) {
		serveEach(l, func(c net.Conn) {
			heard := make([]byte, 3)
			if io.ReadFull(c, heard); string(heard) == "PRI" {
				io.ReadFull(c, make([]byte, 30)) // the rest: closing with unread bytes would take the answer away too
				c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
			}
		})
	}, whaley.SchemeH2C},
	"one that hangs up":    {func(l net.Listener) { serveEach(l, func(net.Conn) {}) }, ""},
	"nobody":               {func(l net.Listener) { l.Close() }, ""},
	"one that only starts": {func(l net.Listener) { serveEach(l, func(c net.Conn) { io.Copy(io.Discard, c) }) }, ""},
}

func TestAServiceIsReadyWhateverItSpeaks(t *testing.T) {
	for name, service := range services {
		for _, scheme := range []whaley.Scheme{whaley.SchemeHTTP, whaley.SchemeH2C, whaley.SchemeHTTPS} {
			t.Run(name+" as "+string(scheme), func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				go service.serve(l)
				began := time.Now()
				speaks, err := probe.New(nil).Answers(
					t.Context(),
					instancer.Target{Address: netip.MustParseAddrPort(l.Addr().String()), Ready: whaley.ReadyHTTP, Scheme: scheme},
				)
				if ready := err == nil; ready != (service.speaks != "") {
					t.Fatalf("it speaks %q: %v", speaks, err)
				}
				if service.speaks != "" && service.speaks != "any" && speaks != service.speaks {
					t.Errorf("it speaks %s, said to speak %s after %s", service.speaks, speaks, time.Since(began))
				}
			})
		}
	}
}

func TestEachReadinessWaitsForWhatItSays(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go serveEach(silent, func(c net.Conn) { io.Copy(io.Discard, c) })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct {
		ready whaley.Readiness
		at    net.Listener
		want  error
	}{
		{whaley.ReadyHTTP, silent, context.DeadlineExceeded},
		{whaley.ReadyTCP, silent, nil},
		{whaley.ReadyHTTP, closed, instancer.ErrClosed},
		{whaley.ReadyTCP, closed, instancer.ErrClosed},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		at := netip.MustParseAddrPort(c.at.Addr().String())
		_, err := probe.New(nil).Answers(ctx, instancer.Target{Address: at, Ready: c.ready, Scheme: whaley.SchemeHTTP})
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		cancel()
		if !errors.Is(err, c.want) {
			t.Errorf("%s at %s: %v, want %v", c.ready, at, err, c.want)
		}
	}
}

// TestAPortThatAcceptsIsNoHandshake has a port that is open before its service can speak TLS.
func TestAPortThatAcceptsIsNoHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var came atomic.Int64
	own := ownTLS("h2")
	go serveEach(l, func(c net.Conn) {
		if came.Add(1) > 1 {
			_ = tls.Server(c, own).Handshake()
		}
	})
	for n, want := range []bool{false, true} {
		speaks, err := probe.New(nil).Answers(
			t.Context(),
			instancer.Target{
				Address: netip.MustParseAddrPort(l.Addr().String()), Ready: whaley.ReadyTCP, Scheme: whaley.SchemeHTTPS,
			},
		)
		if ready := err == nil; ready != want {
			t.Errorf("try %d: it speaks %q: %v", n, speaks, err)
		}
	}
}

func serveEach(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			serve(c)
		}()
	}
}

func serveHTTP2(l net.Listener) {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	(&http.Server{Protocols: protocols}).Serve(l)
}

func ownTLS(protocol string) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{protocol},
	}
}

func strictTLS() *tls.Config {
	c := ownTLS("http/1.1")
	c.ClientAuth = tls.RequireAnyClientCert
	return c
}
