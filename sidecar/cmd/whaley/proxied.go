package main

import (
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/whaley-ctf/whaley/shared/peer"
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

// Under is the listener that counts connections, by the address of who brings them.
func (l *proxied) Under() net.Listener { return l.Listener.Listener }

// Accept waits for a connection, and not for what it says of itself.
func (l *proxied) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if with, ok := conn.(*proxyproto.Conn); ok {
		return &halfClosing{with}, err
	}
	return conn, err
}

// halfClosing ends each direction of a connection by itself, as who pipes a payload into one expects it.
type halfClosing struct{ *proxyproto.Conn }

func (c *halfClosing) CloseWrite() error {
	if half, ok := c.Raw().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *halfClosing) CloseRead() error {
	if half, ok := c.Raw().(interface{ CloseRead() error }); ok {
		return half.CloseRead()
	}
	return nil
}
