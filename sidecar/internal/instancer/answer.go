package instancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	dialFirst  = time.Millisecond      // after the first try of a port; it doubles
	dialEvery  = 15 * time.Millisecond // at the most, between two tries of a port
	answerTime = 5 * time.Second       // for a service to say something
)

// untilAnswers waits until a route's service is as its readiness wants it.
func (i *Instancer) untilAnswers(ctx context.Context, u *unit, r Route) error {
	at := netip.AddrPortFrom(u.address, uint16(r.Port))
	ready := r.Ready
	if ready == "" {
		ready = ReadyTCP
		if r.Type == RouteHTTP && u.health == nil {
			ready = ReadyHTTP
		}
	}
	if ready == ReadyNone || r.UDP { // nobody answers a datagram that means nothing to them
		return nil
	}
	began := time.Now()
	for wait := dialFirst; ; wait = min(2*wait, pace(began, dialEvery)) {
		speaks, err := answers(ctx, at, ready, r.Speaks())
		if err == nil {
			if speaks != r.Speaks() {
				i.Log.WarnContext(ctx, "a route's service speaks something else than its scheme, so its pages will not come through: "+
					"set scheme in instance.toml", "service", u.service.Name, "port", r.Port, "scheme", r.Speaks(), "speaks", speaks)
			}
			return nil
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			u.awaited.set(fmt.Sprintf("%s to open port %d", u.service.Name, r.Port), r.Port)
		} else if ctx.Err() == nil {
			u.awaited.set(fmt.Sprintf("%s to answer on port %d", u.service.Name, r.Port), 0)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// answers tries once whether a service is ready. A service that ends connections without a word may speak another scheme
// than the route says: waiting for it to speak this one would be waiting for ever, so what it does speak is looked for.
func answers(ctx context.Context, at netip.AddrPort, ready Readiness, scheme Scheme) (speaks Scheme, err error) {
	if ready == ReadyTCP {
		conn, err := dialService(ctx, at)
		if err != nil {
			return "", err
		}
		return scheme, conn.Close()
	}
	speaks, err = greet(ctx, at, scheme)
	if !errors.Is(err, errSilent) {
		return speaks, err
	}
	for _, other := range []Scheme{SchemeHTTP, SchemeH2C, SchemeHTTPS} {
		if other == scheme {
			continue
		}
		if speaks, err := greet(ctx, at, other); err == nil && speaks == other {
			return other, nil
		}
	}
	return "", err
}

// errSilent means that a service took a connection and ended it without a word.
var errSilent = errors.New("the service ended the connection without a word")

// greet begins a connection as a scheme does and waits for the first bytes of an answer, whatever they say: a page, an
// error, a complaint about what was said. speaks is what they are of.
func greet(ctx context.Context, at netip.AddrPort, scheme Scheme) (speaks Scheme, err error) {
	conn, err := dialService(ctx, at)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // fails only on a connection that is closed, as what follows does
	get := fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: Whaley readiness check\r\nAccept: */*\r\nConnection: close\r\n\r\n", at)
	switch scheme {
	case SchemeH2C:
		get = h2Preface
	case SchemeHTTPS:
		inner := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1", "h2"}}) // it may be anybody's
		err := inner.HandshakeContext(ctx)
		var alert tls.AlertError
		var other tls.RecordHeaderError
		switch {
		case errors.As(err, &alert):
			return SchemeHTTPS, nil // it wants a name, or a certificate of ours
		case errors.As(err, &other):
			return spoken(other.RecordHeader[:]), nil
		case err != nil:
			return "", hungUp(err)
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
		return SchemeHTTPS, nil
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
func spoken(first []byte) Scheme {
	switch {
	case len(first) >= 3 && (first[0] == 0x15 || first[0] == 0x16) && first[1] == 3:
		return SchemeHTTPS
	case len(first) >= 4 && first[0] == 0 && (first[3] == 4 || first[3] == 7):
		return SchemeH2C
	}
	return SchemeHTTP
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
	return errors.As(err, &n) && n.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed)
}

func dialService(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: time.Second}
	return dialer.DialContext(ctx, "tcp", at.String())
}
