package listen

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// unread is how long a client may not read what is written to them.
const unread = 5 * time.Minute

// Conn is a connection that is counted until it is closed.
type Conn struct {
	net.Conn
	of       netip.Prefix
	listener *Listener

	mu      sync.Mutex
	strange bool
	closed  bool
}

// Greeted takes the deadline for a hello away: the connection has said what it wants.
func (c *Conn) Greeted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.strange {
		c.strange = false
		c.listener.strange.give(c.of)
	}
	return c.SetReadDeadline(time.Time{})
}

// ErrTooMany is why a connection ends that a proxy brings for a client who has enough of them.
var ErrTooMany = errors.New("more connections than one address may have, or than there are")

// BroughtFor counts a connection for the one it is from, once a proxy has said who that is: otherwise one player behind a
// proxy could take what all others behind it need. It ends the connection and returns ErrTooMany if they have enough.
func (c *Conn) BroughtFor(address netip.Addr) error {
	address = address.Unmap()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	l, of := c.listener, source(address)
	if !l.all.move(c.of, of, l.opts.PerAddress, l.forMany(address)) {
		c.end()
		l.refuse(c.Conn, address)
		return ErrTooMany
	}
	if c.strange {
		// Whoever still says nothing after the proxy has spoken is one of the silent, of their own share.
		if !l.strange.move(c.of, of, l.opts.PerAddress, l.forMany(address)) {
			l.all.move(of, c.of, 0, true)
			c.end()
			l.refuse(c.Conn, address)
			return ErrTooMany
		}
	}
	c.of = of
	return nil
}

// Write implements net.Conn. A client that does not read for minutes has gone, whatever its machine says.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.listener.unread)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom implements io.ReaderFrom, so that no way of writing goes without the deadline.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}

// CloseWrite says that nothing more comes from this side.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// CloseRead says that nothing more is read on this side.
func (c *Conn) CloseRead() error {
	if half, ok := c.Conn.(interface{ CloseRead() error }); ok {
		return half.CloseRead()
	}
	return errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.end()
	return c.Conn.Close()
}

// end gives back what the connection holds. The caller holds mu, and closes what is under it.
func (c *Conn) end() {
	c.closed = true
	if c.strange {
		c.listener.strange.give(c.of)
	}
	c.listener.all.give(c.of)
}
