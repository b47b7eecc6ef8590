package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
)

const (
	firstPause = 5 * time.Millisecond // after a failed accept; it doubles
	lastPause  = time.Second
	failingFor = 3 * lastPause // after the last failure: a listener that fails is tried again sooner than that
	quietFor   = time.Minute   // between two lines of log about the same thing
)

// Options are what a Listener is opened with.
type Options struct {
	Name       string // of the setting, as LISTEN
	Most       int    // connections at once; 0: as many as any listener may have
	PerAddress int    // of one address (IPv6: one /64); 0: as many as its share allows
	// ForMany are those whose connections are other people's: they may have all there are.
	ForMany []netip.Prefix
	// Hello is how long a connection may take until the server calls Greeted on it; 0: the server has a deadline of its
	// own.
	Hello time.Duration
	// Turns are those of addresses for the heads of their requests, from which on Serve takes a connection for open; nil:
	// none.
	Turns *turn.Turns
	Log   *slog.Logger
}

// Listener implements net.Listener; its connections are *Conn.
type Listener struct {
	opts     Options
	inner    net.Listener
	all      *share
	strange  *share // of those that have not said hello
	unread   time.Duration
	closed   chan struct{}
	closing  sync.Once
	mu       sync.Mutex
	err      error // of the last accept that failed
	failedAt time.Time
	ended    bool
	toldAt   map[string]time.Time
}

// Open listens at host:port, also without a host. An error names the setting and the address.
func Open(address string, opts Options) (*Listener, error) {
	inner, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s=%s cannot be listened on, is something else there? %w", opts.Name, address, err)
	}
	return around(inner, opts), nil
}

// Around makes a listener one that keeps the promises of this package, unless it is that already, or one is under it.
func Around(inner net.Listener, opts Options) net.Listener {
	for under := inner; under != nil; {
		if _, ours := under.(*Listener); ours {
			return inner
		}
		over, more := under.(interface{ Under() net.Listener })
		if !more {
			break
		}
		under = over.Under()
	}
	return around(inner, opts)
}

func around(inner net.Listener, opts Options) *Listener {
	if opts.Most == 0 {
		opts.Most = atMost
	}
	return &Listener{
		opts: opts, inner: inner, all: newShare(opts.Most), strange: newShare(max(1, opts.Most/4)),
		unread: unread, closed: make(chan struct{}), toldAt: map[string]time.Time{},
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.inner.Close()
}

// Accept implements net.Listener. It fails only when the listener is of no use any more.
func (l *Listener) Accept() (net.Conn, error) {
	pause := firstPause
	for {
		conn, err := l.inner.Accept()
		switch {
		case err == nil:
			if admitted := l.admit(conn); admitted != nil {
				return admitted, nil
			}
			pause = firstPause
			continue
		case !passing(err):
			l.mu.Lock()
			l.err, l.ended = err, true
			l.mu.Unlock()
			return nil, err
		}
		l.mu.Lock()
		l.err, l.failedAt = err, time.Now()
		l.mu.Unlock()
		l.tell("connections cannot be accepted; trying again", "err", err)
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

// passing says whether a listener may accept again after such an error: what is scarce may be freed, and what accept(2)
// calls an error of one connection is no error of the listener.
func passing(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(passingErrors, number)
}

// admit makes a connection one of ours, or ends it at once and returns nil.
func (l *Listener) admit(conn net.Conn) *Conn {
	var address netip.Addr
	if from, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		address = from.AddrPort().Addr().Unmap()
	}
	forMany := l.forMany(address)
	c := &Conn{Conn: conn, of: source(address), listener: l, forMany: forMany}
	if !l.all.take(c.of, l.opts.PerAddress, forMany) {
		l.refuse(conn, address)
		return nil
	}
	bound(conn, l.unread)
	c.opening = l.opts.Turns != nil && !forMany
	if l.opts.Hello == 0 {
		return c
	}
	if !l.strange.take(c.of, l.opts.PerAddress, forMany) {
		l.all.give(c.of)
		l.refuse(conn, address)
		return nil
	}
	c.strange = true
	if err := conn.SetReadDeadline(time.Now().Add(l.opts.Hello)); err != nil {
		c.Close()
		return nil
	}
	return c
}

func (l *Listener) forMany(address netip.Addr) bool {
	return slices.ContainsFunc(l.opts.ForMany, func(p netip.Prefix) bool { return p.Contains(address) })
}

// refuse ends a connection by a reset, which leaves nothing behind on this side.
func (l *Listener) refuse(conn net.Conn, of netip.Addr) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
	l.tell("connection refused", "reason", "more connections, or silent ones, than one address may have or than there are",
		"address", of.String(), "help",
		"ADDRESS_MAX_CONNECTIONS, or the limit of open files; a proxy belongs into TRUSTED_PROXIES")
}

// tell logs, now and then.
func (l *Listener) tell(message string, attributes ...any) {
	l.mu.Lock()
	now := time.Now()
	quiet := now.Sub(l.toldAt[message]) < quietFor
	if !quiet {
		l.toldAt[message] = now
	}
	l.mu.Unlock()
	if !quiet {
		l.opts.Log.Warn(message, append([]any{"listener", l.opts.Name}, attributes...)...)
	}
}

// Name is the setting's, in lower case as other things have that Whaley cannot do without.
func (l *Listener) Name() string { return strings.ToLower(l.opts.Name) }

// Check says whether the listener accepts connections just now.
func (l *Listener) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || !l.failedAt.IsZero() && time.Since(l.failedAt) < failingFor {
		return fmt.Errorf("%s accepts no connections: %w", l.opts.Name, l.err)
	}
	return nil
}
