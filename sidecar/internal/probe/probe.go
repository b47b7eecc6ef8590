// Package probe finds out whether the services of an instance are ready: it connects to them as whoever visits them
// does, and has the engine look into their containers. It promises one try for each call, which ends within some
// seconds whatever the service does, and that what a service sends costs no more than its first bytes.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	dialTime   = time.Second     // for a connection to be there
	answerTime = 5 * time.Second // for a service to say something
)

// Inside is what the engine does in a container.
type Inside interface {
	Exec(ctx context.Context, container string, argv []string) (int, error)
	Listens(ctx context.Context, container string) ([]int, error)
}

// Prober implements instancer.Prober.
type Prober struct{ Inside }

var _ instancer.Prober = (*Prober)(nil)

// New makes a prober of services whose containers an engine runs.
func New(inside Inside) *Prober { return &Prober{inside} }

// Answers tries once whether a service is ready. A service that ends connections without a word may speak another
// scheme than the route says: waiting for it to speak this one would be waiting for ever, so what it does speak is
// looked for.
func (*Prober) Answers(ctx context.Context, t instancer.Target) (speaks whaley.Scheme, err error) {
	if t.Ready == whaley.ReadyTCP {
		return accepts(ctx, t)
	}
	speaks, err = greet(ctx, t.Address, t.Scheme)
	if !errors.Is(err, errSilent) {
		return speaks, err
	}
	for _, other := range []whaley.Scheme{whaley.SchemeHTTP, whaley.SchemeH2C, whaley.SchemeHTTPS} {
		if other == t.Scheme {
			continue
		}
		if speaks, err := greet(ctx, t.Address, other); err == nil && speaks == other {
			return other, nil
		}
	}
	return "", err
}

// accepts says that a port takes connections. One of TLS has to take handshakes, for which it may not be ready yet.
func accepts(ctx context.Context, t instancer.Target) (speaks whaley.Scheme, err error) {
	conn, err := dial(ctx, t.Address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if t.Scheme != whaley.SchemeHTTPS {
		return t.Scheme, nil
	}
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // as in greet
	_, speaks, err = handshake(ctx, conn)
	return speaks, err
}

// handshake begins TLS. Without a connection but with a scheme, that is what the service speaks all the same.
func handshake(ctx context.Context, conn net.Conn) (inner *tls.Conn, speaks whaley.Scheme, err error) {
	// it may be anybody's
	inner = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1", "h2"}})
	err = inner.HandshakeContext(ctx)
	var alert tls.AlertError
	var other tls.RecordHeaderError
	switch {
	case errors.As(err, &alert):
		return nil, whaley.SchemeHTTPS, nil // it wants a name, or a certificate of ours
	case errors.As(err, &other):
		return nil, spoken(other.RecordHeader[:]), nil
	case err != nil:
		return nil, "", hungUp(err)
	}
	return inner, whaley.SchemeHTTPS, nil
}

// errSilent means that a service took a connection and ended it without a word.
var errSilent = errors.New("the service ended the connection without a word")

// greet begins a connection as a scheme does and waits for the first bytes of an answer, whatever they say: a page, an
// error, a complaint about what was said. speaks is what they are of.
func greet(ctx context.Context, at netip.AddrPort, scheme whaley.Scheme) (speaks whaley.Scheme, err error) {
	conn, err := dial(ctx, at)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // fails only on a connection that is closed, as what follows does
	get := fmt.Sprintf(
		"GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: Whaley readiness check\r\nAccept: */*\r\nConnection: close\r\n\r\n", at,
	)
	switch scheme {
	case whaley.SchemeH2C:
		get = h2Preface
	case whaley.SchemeHTTPS:
		inner, speaks, err := handshake(ctx, conn)
		if inner == nil {
			return speaks, err
		}
		if inner.ConnectionState().NegotiatedProtocol == "h2" {
			get = h2Preface
		}
		if _, err = inner.Write([]byte(get)); err == nil {
			_, err = inner.Read(make([]byte, 1))
		}
		if err != nil && tooSlow(err) {
			return "", err
		}
		return whaley.SchemeHTTPS, nil
	}
	if _, err := conn.Write([]byte(get)); err != nil {
		return "", hungUp(err)
	}
	first := make([]byte, 9)
	n, err := conn.Read(first)
	if n == 0 {
		return "", hungUp(err)
	}
	return spoken(first[:n]), nil
}

// h2Preface begins a connection of HTTP/2: the preface and a frame of settings, without any.
const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// spoken says what first bytes are of: a record of TLS, a frame of settings or of goodbye of HTTP/2, or anything else.
func spoken(first []byte) whaley.Scheme {
	switch {
	case len(first) >= 3 && (first[0] == 0x15 || first[0] == 0x16) && first[1] == 3:
		return whaley.SchemeHTTPS
	case len(first) >= 4 && first[0] == 0 && (first[3] == 4 || first[3] == 7):
		return whaley.SchemeH2C
	}
	return whaley.SchemeHTTP
}

// hungUp is errSilent for a connection that has ended, and the error itself for one that is only slow.
func hungUp(err error) error {
	if tooSlow(err) {
		return err
	}
	return fmt.Errorf("%w: %w", errSilent, err)
}

func tooSlow(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout() || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed)
}

// dial opens a connection to a service. It is instancer.ErrClosed where nothing listens.
func dial(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTime}
	conn, err := dialer.DialContext(ctx, "tcp", at.String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", instancer.ErrClosed, err)
	}
	return conn, err
}
