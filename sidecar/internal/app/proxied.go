package app

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
)

// proxyHeaderTimeout is how long a proxy may take to say whose connection it brings.
const proxyHeaderTimeout = 10 * time.Second

// proxied is a listener whose connections are from whom a trusted proxy says, by the PROXY protocol (version 1 or 2) or
// not at all. Nothing is read of anybody else's: what they send goes to the server as it is, which refuses it.
type proxied struct{ proxyproto.Listener }

// behindProxies makes a listener one that believes the proxies that are trusted, which may be nobody.
func behindProxies(l net.Listener, trusted []netip.Prefix) net.Listener {
	if len(trusted) == 0 {
		return l
	}
	return &proxied{proxyproto.Listener{Listener: l, ReadHeaderTimeout: proxyHeaderTimeout,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if peer.Trusted(o.Upstream.String(), trusted) {
				return proxyproto.USE, nil // or none: a proxy for the web says it by X-Forwarded-For
			}
			return proxyproto.SKIP, nil
		}}}
}

// Under is the listener that counts connections, by the address of who brings them until these say for whom.
func (l *proxied) Under() net.Listener { return l.Listener.Listener }

// Accept waits for a connection, and not for what it says of itself.
func (l *proxied) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if with, ok := conn.(*proxyproto.Conn); ok {
		return &brought{Conn: with}, err
	}
	return conn, err
}

// brought is a connection that a proxy may say the origin of. It is counted for that one, and ends each direction by
// itself, as who pipes a payload into one expects it.
type brought struct {
	*proxyproto.Conn
	once   sync.Once
	refuse error
}

// Read implements net.Conn. Whose connection it is has been said with its first bytes.
func (c *brought) Read(p []byte) (int, error) {
	if err := c.counted(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// WriteTo implements io.WriterTo.
func (c *brought) WriteTo(w io.Writer) (int64, error) {
	if err := c.counted(); err != nil {
		return 0, err
	}
	return c.Conn.WriteTo(w)
}

func (c *brought) counted() error {
	c.once.Do(func() {
		conn, ours := c.Raw().(*listen.Conn)
		said := c.ProxyHeader()
		if !ours || said == nil || said.Command.IsLocal() {
			return
		}
		if from, ok := said.SourceAddr.(*net.TCPAddr); ok {
			c.refuse = conn.BroughtFor(from.AddrPort().Addr())
		}
	})
	return c.refuse
}

func (c *brought) CloseWrite() error {
	if half, ok := c.Raw().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *brought) CloseRead() error {
	if half, ok := c.Raw().(interface{ CloseRead() error }); ok {
		return half.CloseRead()
	}
	return nil
}
