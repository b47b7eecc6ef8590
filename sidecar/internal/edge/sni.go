package edge

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/inetaf/tcpproxy"
)

const (
	handshakeTimeout = 10 * time.Second
	dialTimeout      = 3 * time.Second
)

// serveTLS leads connections by the name in their ClientHello to running instances, and closes all others.
func (e *Edge) serveTLS(ctx context.Context) error {
	proxy := &tcpproxy.Proxy{ListenFunc: func(string, string) (net.Listener, error) { return e.opts.TLS, nil }}
	proxy.AddSNIRouteFunc("", func(_ context.Context, name string) (tcpproxy.Target, bool) {
		route, ok := e.opts.Routes.ByName(strings.ToLower(name))
		if !ok {
			return nil, false
		}
		onward := &tcpproxy.DialProxy{Addr: route.Backend, DialTimeout: dialTimeout}
		if route.Passthrough {
			return onward, true
		}
		return &terminated{config: e.config, onward: onward}, true
	})
	proxy.AddRoute("", closed{}) // else every stranger's attempt would be a line in the log
	if err := proxy.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	return proxy.Close()
}

// closed leads nowhere.
type closed struct{}

// HandleConn implements tcpproxy.Target.
func (closed) HandleConn(conn net.Conn) { conn.Close() }

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
