package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// lanes are listeners of this process, one at each port that an owner has: what connects there is led to a Pod. It is one
// listener to who accepts from it.
type lanes struct {
	conns chan net.Conn
	over  chan struct{}
	log   *slog.Logger

	mu   sync.Mutex
	open map[int]net.Listener
}

func newLanes(log *slog.Logger) *lanes {
	return &lanes{conns: make(chan net.Conn), over: make(chan struct{}), log: log, open: map[int]net.Listener{}}
}

// Know listens at a port that has become somebody's, unless it does.
func (l *lanes) Know(port int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[port] != nil || l.ended() {
		return
	}
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		l.log.Error("an instance's port cannot be listened at", "port", port, "err", err)
		return
	}
	l.open[port] = listener
	go l.accept(listener)
}

// Has says whether this process listens at a port.
func (l *lanes) Has(port int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[port] != nil
}

func (l *lanes) ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

func (l *lanes) accept(from net.Listener) {
	pause := loop.Backoff{First: 5 * time.Millisecond, Most: time.Second}
	for {
		conn, err := from.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-time.After(pause.Next()): // there are no descriptors left: others end
			case <-l.over:
			}
			continue
		}
		pause.Reset()
		select {
		case l.conns <- conn:
		case <-l.over:
			conn.Close()
		}
	}
}

// Accept returns the next connection to any of the ports.
func (l *lanes) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// Close ends all listeners.
func (l *lanes) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended() {
		close(l.over)
	}
	var err error
	for port, one := range l.open {
		err = errors.Join(err, one.Close())
		delete(l.open, port)
	}
	return err
}

// Addr is none: there are many.
func (l *lanes) Addr() net.Addr { return &net.TCPAddr{} }

// run listens at all ports that owners have.
func (l *lanes) run(ctx context.Context, db *store.Store) error {
	const knowEvery = 30 * time.Second
	for {
		all, err := db.BookedPorts(ctx)
		if err != nil && ctx.Err() == nil {
			l.log.Error("list booked ports failed", "err", err)
		}
		for _, port := range all {
			l.Know(port)
		}
		select {
		case <-time.After(knowEvery):
		case <-ctx.Done():
			return l.Close()
		}
	}
}

// arrived is where a connection arrived.
func arrived(conn net.Conn) (netip.AddrPort, error) {
	at, ok := conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("a connection of type %T has no port", conn)
	}
	return at.AddrPort(), nil
}
