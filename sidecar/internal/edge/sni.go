package edge

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"time"

	"github.com/inetaf/tcpproxy"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// HelloTimeout is how long a connection by TLS has for the whole of its ClientHello.
const HelloTimeout = 10 * time.Second

const (
	handshakeTimeout = 10 * time.Second
	dialTimeout      = 3 * time.Second
)

// serveTLS leads connections by the name in their ClientHello to instances, and closes all others.
func (e *Edge) serveTLS(ctx context.Context) error {
	n := names{
		setting:  "EDGE_TLS_LISTEN",
		listener: listen.Around(e.opts.TLS, listen.Options{Name: "EDGE_TLS_LISTEN", Hello: HelloTimeout, Log: e.opts.Log}),
		known:    e.opts.Routes.ByName, opener: e.opts.Opener, onward: e.onward, log: e.opts.Log,
		turns: turn.New(e.opts.Turns),
	}
	return n.serve(ctx)
}

func (e *Edge) onward(route whaley.Publication) tcpproxy.Target {
	onward := dial(route.Backend, e.opts.Log)
	if route.Passthrough {
		return onward
	}
	return &terminated{config: e.config, onward: onward}
}

// dial leads connections to an address.
func dial(address string, log *slog.Logger) *tcpproxy.DialProxy {
	return &tcpproxy.DialProxy{Addr: address, DialTimeout: dialTimeout, OnDialError: func(conn net.Conn, err error) {
		conn.Close()
		log.Debug("connect to an instance by TLS failed", "err", err)
	}}
}

// closed leads nowhere.
type closed struct{}

// HandleConn implements tcpproxy.Target.
func (closed) HandleConn(conn net.Conn) { conn.Close() }

// patient gives each connection a time to say where it wants to.
type patient struct{ net.Listener }

// Accept implements net.Listener.
func (p patient) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(HelloTimeout)) // else it is closed already, which the next read says
	}
	return conn, err
}

// greeted takes over a connection that has said where it wants to, within the time that it had for that.
type greeted struct{ onward tcpproxy.Target }

// HandleConn implements tcpproxy.Target.
func (g greeted) HandleConn(conn net.Conn) {
	said := tcpproxy.UnderlyingConn(conn)
	if said.SetReadDeadline(time.Time{}) != nil {
		conn.Close()
		return
	}
	counted, direct := said.(*listen.Conn)
	if over, ok := said.(interface{ Raw() net.Conn }); ok { // brought by a proxy, who said so first
		counted, _ = over.Raw().(*listen.Conn)
	}
	if counted != nil {
		defer counted.Close()
		if counted.Greeted() != nil {
			return
		}
	}
	if peeked, ok := conn.(*tcpproxy.Conn); ok && direct {
		peeked.Conn = counted.Conn // bytes then go from socket to socket without coming by here
	}
	g.onward.HandleConn(conn)
}

// terminated ends TLS here and passes on what is inside.
type terminated struct {
	config *tls.Config
	onward *tcpproxy.DialProxy
}

// HandleConn implements tcpproxy.Target.
func (t *terminated) HandleConn(conn net.Conn) {
	inner := tls.Server(conn, t.config)
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	err := inner.HandshakeContext(ctx)
	cancel()
	if err != nil {
		conn.Close()
		return
	}
	t.onward.HandleConn(inner)
}

// selfSigned makes a certificate for a laptop or a test; production has Traefik and a real one.
func selfSigned(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
