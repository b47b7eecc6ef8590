package relay

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"

	"github.com/inetaf/tcpproxy"
)

// serveNamed leads connections by the name in their ClientHello to services.
func serveNamed(ctx context.Context, port int, routes map[string]Route, config *tls.Config) error {
	proxy := &tcpproxy.Proxy{}
	proxy.AddSNIRouteFunc(":"+strconv.Itoa(port), func(_ context.Context, name string) (tcpproxy.Target, bool) {
		route, ok := routes[strings.ToLower(name)]
		if !ok {
			return nil, false
		}
		onward := &tcpproxy.DialProxy{Addr: route.Backend, DialTimeout: dialTimeout}
		if route.Passthrough {
			return onward, true
		}
		return ended{config, onward}, true
	})
	if err := proxy.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	return proxy.Close()
}

// ended is a target behind TLS that ends here.
type ended struct {
	config *tls.Config
	onward *tcpproxy.DialProxy
}

// HandleConn implements tcpproxy.Target.
func (e ended) HandleConn(conn net.Conn) {
	inner := tls.Server(conn, e.config)
	ctx, cancel := context.WithTimeout(context.Background(), headerTimeout)
	err := inner.HandshakeContext(ctx)
	cancel()
	if err != nil {
		conn.Close()
		return
	}
	e.onward.HandleConn(inner)
}
