package listen

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// unread is how long somebody may not read what is written to them.
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
	return c.Conn.SetReadDeadline(time.Time{})
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
	c.closed = true
	if c.strange {
		c.listener.strange.give(c.of)
	}
	c.listener.all.give(c.of)
	return c.Conn.Close()
}
