package whaley

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
)

// schemeH2C is that of backends which speak HTTP/2 without TLS.
const schemeH2C = "h2c"

const (
	// backendTimeout is for connections to containers. Where one was stopped a moment ago and its network gets ready
	// for the next instance, nobody refuses for some tenths of a second. Whoever opens the address again just then
	// waits for this, once.
	backendTimeout = 500 * time.Millisecond
	// shortIdle is how long a connection is kept for a request that cannot be sent twice. Servers close connections
	// that are idle, few after less than two seconds: a request that is on its way meanwhile is lost.
	shortIdle = time.Second
	maxSeen   = 8192
)

// The transports to all containers, package-level as the sidecars are.
var (
	transport     = newContainerTransport(idleTimeout)
	lineTransport = newLineTransport()
	plainHTTP2    = newContainerTransport(shortIdle) // speaks nothing else, where Traefik is new enough
	speaksH2C     = speakH2C(plainHTTP2)
	unrepeated    = newUnrepeatedTransport()
)

// newContainerTransport makes a transport that hostile servers may be asked with.
func newContainerTransport(idle time.Duration) *http.Transport {
	t := newTransport(backendTimeout)
	t.Proxy = interim
	t.MaxResponseHeaderBytes = maxAnswerHeader
	t.MaxConnsPerHost = maxContainerConn
	t.IdleConnTimeout = idle
	return t
}

// newUnrepeatedTransport is for requests that cannot be sent twice, and for servers that speak TLS.
func newUnrepeatedTransport() *http.Transport {
	t := newContainerTransport(shortIdle)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patient{conn: conn, read: make(chan struct{})}, nil
	}
	t.TLSClientConfig = anybodys("h2", "http/1.1")
	t.DialTLSContext = overTLS(t.DialContext, t.TLSClientConfig.Clone())
	t.ForceAttemptHTTP2 = true
	return t
}

// anybodys is for servers whose certificate is their own.
func anybodys(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// overTLS makes a handshake part of reaching a container: nothing of the request has been used if it fails.
func overTLS(dial dialer, config *tls.Config) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%w: TLS with %s: %s", errUnreached, address, err.Error())
		}
		return secure, nil
	}
}

// wayTo is how to ask a backend in what it speaks: http, https, or h2c, which is HTTP/2 without TLS. target is what
// its requests have in their URLs.
func wayTo(backend string) (through *http.Transport, target *url.URL, err error) {
	target, err = url.Parse(backend)
	if err == nil && target.Host == "" {
		err = errors.New("no host")
	}
	if err != nil {
		return nil, nil, err
	}
	if target.Scheme == "https" {
		return unrepeated, target, nil // by HTTP/2 no request is sent twice by itself
	}
	if target.Scheme != schemeH2C {
		return transport, target, nil
	}
	if !speaksH2C {
		return nil, nil, errors.New("this Traefik is too old to speak HTTP/2 without TLS")
	}
	target.Scheme = "http"
	return plainHTTP2, target, nil
}

// repeatable says whether a request may be sent again by itself where a connection that was kept turns out to be
// closed.
func repeatable(r *http.Request) bool {
	return r.ContentLength == 0 &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions)
}

// Which instance was seen last at each backend.
var (
	seenMu sync.Mutex
	seenAt = map[string]string{}
)

// meet notes which instance is at a backend, by its id or by the name of a middleware of its own. Where that is a new
// one, no connection is used again that was kept: one to this address can only be to who had it before, and what ended
// with its network may not have closed its side.
func meet(backend, instance string) {
	instance, _, _ = strings.Cut(instance, "@")
	seenMu.Lock()
	defer seenMu.Unlock()
	before, known := seenAt[backend]
	if known && (before == instance || strings.HasPrefix(before, instance+"-") || strings.HasPrefix(instance, before+"-")) {
		return
	}
	if len(seenAt) >= maxSeen {
		seenAt = map[string]string{}
		known = true // perhaps
	}
	seenAt[backend] = instance
	if known {
		transport.CloseIdleConnections()
		unrepeated.CloseIdleConnections()
		plainHTTP2.CloseIdleConnections()
	}
}

// speakH2C makes a transport speak HTTP/2 without TLS, and says whether it can. By name, since the interpreter does not
// know what Go has had since 1.24, and Traefik's own Go has it.
func speakH2C(t *http.Transport) bool {
	field := reflect.ValueOf(t).Elem().FieldByName("Protocols")
	if !field.IsValid() {
		return false
	}
	protocols := reflect.New(field.Type().Elem())
	set := protocols.MethodByName("SetUnencryptedHTTP2")
	if !set.IsValid() {
		return false
	}
	set.Call([]reflect.Value{reflect.ValueOf(true)})
	field.Set(protocols)
	return true
}
