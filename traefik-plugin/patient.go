package whaley

import (
	"net"
	"sync"
	"time"
)

// patient is a connection to a server that may answer before it has read all of a request, and close. What is written
// then fails, and a transport would report that instead of the answer, which can still be read. So a failed Write
// returns only once there is nothing more to read, or the connection is closed. It names all methods, since Yaegi does
// not pass on those of an embedded interface.
type patient struct {
	conn net.Conn
	once sync.Once
	read chan struct{} // closed when nothing more is read
}

// Write implements net.Conn.
func (p *patient) Write(text []byte) (int, error) {
	n, err := p.conn.Write(text)
	if err != nil {
		<-p.read
	}
	return n, err
}

// Read implements net.Conn.
func (p *patient) Read(text []byte) (int, error) {
	n, err := p.conn.Read(text)
	if err != nil {
		p.end()
	}
	return n, err
}

// Close implements net.Conn.
func (p *patient) Close() error {
	err := p.conn.Close()
	p.end()
	return err
}

func (p *patient) end() { p.once.Do(func() { close(p.read) }) }

// LocalAddr implements net.Conn.
func (p *patient) LocalAddr() net.Addr { return p.conn.LocalAddr() }

// RemoteAddr implements net.Conn.
func (p *patient) RemoteAddr() net.Addr { return p.conn.RemoteAddr() }

// SetDeadline implements net.Conn.
func (p *patient) SetDeadline(t time.Time) error { return p.conn.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (p *patient) SetReadDeadline(t time.Time) error { return p.conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (p *patient) SetWriteDeadline(t time.Time) error { return p.conn.SetWriteDeadline(t) }
