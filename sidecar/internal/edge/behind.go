package edge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/inetaf/tcpproxy"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// returnEvery is between two tries of Traefik, which takes a moment until it has the route of what began to run.
	returnEvery = 20 * time.Millisecond
	returnFor   = 15 * time.Second
	// A ClientHello begins with the headers of its record and message and a version; then come its random bytes.
	helloRandom, helloRandomEnd = 11, 43
)

// Behind takes the connections by TLS that Traefik has no route for, starts what they want to reach, and leads them
// there:
// to the service itself if that ends TLS, else through Traefik once more, which has the certificate.
type Behind struct {
	Listener net.Listener
	Opener   Opener
	Port     int // of Traefik's entry point for TLS by name
	Turns    int // of one address, as turn.New has them
	Log      *slog.Logger

	mu     sync.Mutex
	sent   map[string]bool          // the random bytes of hellos that are on their way through Traefik
	trying map[string]chan struct{} // names that one connection tries Traefik for; closed when it has ended
}

// Run serves until ctx ends, or its listener is of no use any more.
func (b *Behind) Run(ctx context.Context) error {
	b.sent, b.trying = map[string]bool{}, map[string]chan struct{}{}
	n := names{
		setting:  "WAKE_LISTEN",
		listener: listen.Around(b.Listener, listen.Options{Name: "WAKE_LISTEN", Hello: HelloTimeout, Log: b.Log}),
		known:    func(string) (whaley.Publication, bool) { return whaley.Publication{}, false },
		opener:   b.Opener, log: b.Log, refuse: b.came, turns: turn.New(b.Turns),
		onward: func(route whaley.Publication) tcpproxy.Target {
			if route.Passthrough {
				return dial(route.Backend, b.Log)
			}
			return returned{b, route.Host}
		},
	}
	return n.serve(ctx)
}

// came says whether a connection is one that this process sent to Traefik, which does not know the route yet.
func (b *Behind) came(conn *tcpproxy.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent[randomOf(conn)]
}

// randomOf are the bytes that no two hellos share, or nothing if a hello is too short to have them.
func randomOf(conn *tcpproxy.Conn) string {
	if len(conn.Peeked) < helloRandomEnd {
		return ""
	}
	return string(conn.Peeked[helloRandom:helloRandomEnd])
}

// returned leads connections back to Traefik.
type returned struct {
	b    *Behind
	name string
}

// HandleConn implements tcpproxy.Target.
func (r returned) HandleConn(conn net.Conn) {
	peeked, ok := conn.(*tcpproxy.Conn)
	id := ""
	if ok {
		id = randomOf(peeked)
	}
	if id == "" {
		conn.Close()
		return
	}
	r.b.mu.Lock()
	r.b.sent[id] = true
	r.b.mu.Unlock()
	host, _, err := net.SplitHostPort(bringer(conn).String())
	var back net.Conn
	if err == nil {
		back, err = r.b.send(r.name, net.JoinHostPort(host, strconv.Itoa(r.b.Port)), peeked.Peeked)
	}
	r.b.mu.Lock()
	delete(r.b.sent, id)
	r.b.mu.Unlock()
	if err != nil {
		conn.Close()
		r.b.Log.Debug("Traefik has no route for an instance that runs", "err", err)
		return
	}
	peeked.Peeked = nil
	through := tcpproxy.DialProxy{DialContext: func(context.Context, string, string) (net.Conn, error) { return back, nil }}
	through.HandleConn(conn)
}

// bringer is the address of who has made a connection, whoever it is for.
func bringer(conn net.Conn) net.Addr {
	conn = tcpproxy.UnderlyingConn(conn)
	if over, ok := conn.(interface{ Raw() net.Conn }); ok {
		conn = over.Raw()
	}
	return conn.RemoteAddr()
}

// send begins a connection again and again until it is answered, and returns it with the answer's first bytes. Of many
// with one name a single one tries, and the others once it has been answered: they all wait for the same.
func (b *Behind) send(name, address string, hello []byte) (net.Conn, error) {
	deadline := time.Now().Add(returnFor)
	for {
		ended := b.alone(name)
		conn, err := answered(address, hello, deadline)
		for ended != nil && err != nil && time.Now().Before(deadline) {
			time.Sleep(returnEvery)
			conn, err = answered(address, hello, deadline)
		}
		if ended != nil {
			ended()
		}
		if err == nil || time.Now().After(deadline) {
			return conn, err
		}
	}
}

// alone waits while another connection tries Traefik for a name. If none does it is the caller, who says when they have
// ended; it is nil for those who have waited.
func (b *Behind) alone(name string) (ended func()) {
	b.mu.Lock()
	others := b.trying[name]
	if others != nil {
		b.mu.Unlock()
		<-others
		return nil
	}
	mine := make(chan struct{})
	b.trying[name] = mine
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		delete(b.trying, name)
		b.mu.Unlock()
		close(mine)
	}
}

func answered(address string, hello []byte, deadline time.Time) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	first := make([]byte, 1024)
	err = conn.SetDeadline(deadline)
	if err == nil {
		_, err = conn.Write(hello)
	}
	n := 0
	if err == nil {
		n, err = conn.Read(first)
	}
	if n == 0 {
		return nil, errors.Join(err, conn.Close(), io.ErrUnexpectedEOF)
	}
	return &tcpproxy.Conn{Conn: conn, Peeked: first[:n]}, conn.SetDeadline(time.Time{})
}
