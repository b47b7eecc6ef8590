package listen

import (
	"context"
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
	forMany  bool // it is other people's, whom it does not name
	listener *Listener

	mu      sync.Mutex
	strange bool
	closed  bool
	opening bool   // the head of a request comes, or is awaited
	end     func() // of the turn that it is read in
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

// BroughtFor counts a connection for the one it is from, once a proxy has said who that is: otherwise one player
// behind a proxy could take what all others behind it need. It ends the connection and returns ErrTooMany if they have
// enough.
func (c *Conn) BroughtFor(address netip.Addr) error {
	address = address.Unmap()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	l, of := c.listener, source(address)
	if !l.all.move(c.of, of, l.opts.PerAddress, l.forMany(address)) {
		c.giveBack()
		l.refuse(c.Conn, address)
		return ErrTooMany
	}
	if c.strange {
		// Whoever still says nothing after the proxy has spoken is one of the silent, of their own share.
		if !l.strange.move(c.of, of, l.opts.PerAddress, l.forMany(address)) {
			l.all.move(of, c.of, 0, true)
			c.giveBack()
			l.refuse(c.Conn, address)
			return ErrTooMany
		}
	}
	c.of = of
	c.forMany = l.forMany(address)
	c.opening = l.opts.Turns != nil && !c.forMany
	return nil
}

// Read implements net.Conn. What a head of a request costs, which many connections may send at once, is spent in a
// turn of the address. It ends when the server reads on, writes, or has read the head.
func (c *Conn) Read(p []byte) (int, error) {
	c.endTurn()
	n, err := c.Conn.Read(p)
	if n > 0 && !c.takeTurn() {
		return 0, net.ErrClosed
	}
	return n, err
}

// takeTurn waits for a turn where one is needed. It ends the connection if the line is full.
func (c *Conn) takeTurn() bool {
	c.mu.Lock()
	opening, of := c.opening, c.of
	c.mu.Unlock()
	if !opening {
		return true
	}
	end, err := c.listener.opts.Turns.Take(context.Background(), of.String())
	if err != nil {
		c.Close()
		return false
	}
	c.mu.Lock()
	c.end = end
	c.mu.Unlock()
	return true
}

func (c *Conn) endTurn() {
	c.mu.Lock()
	end := c.end
	c.end = nil
	c.mu.Unlock()
	if end != nil {
		end()
	}
}

// expect says whether the next bytes are the head of a request.
func (c *Conn) expect(head bool) {
	c.mu.Lock()
	c.opening = head && c.listener.opts.Turns != nil && !c.forMany
	c.mu.Unlock()
	if !head {
		c.endTurn()
	}
}

// Write implements net.Conn. A client that does not read for minutes has gone, whatever its machine says.
func (c *Conn) Write(p []byte) (int, error) {
	c.endTurn()
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
	c.endTurn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.giveBack()
	return c.Conn.Close()
}

// giveBack gives back what the connection holds. The caller holds mu, and closes what is under it.
func (c *Conn) giveBack() {
	c.closed = true
	if c.strange {
		c.listener.strange.give(c.of)
	}
	c.listener.all.give(c.of)
}
