package whaley

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
)

// lineKey is where the context of a request holds the target that its connection is to write.
var lineKey = new(int)

// lineTransport sends what net/url has no words for: targets that begin with two slashes and hold bytes that no URL may
// hold. Its connections write the request line themselves, and serve one request each.
var lineTransport = newLineTransport()

func newLineTransport() *http.Transport {
	t := newContainerTransport()
	t.DialContext = dialLine
	t.DialTLSContext = dialLineTLS
	t.MaxIdleConnsPerHost = -1
	return t
}

func dialLine(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := transport.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return lineBefore(ctx, conn), nil
}

func dialLineTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := transport.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, transport.TLSClientConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return lineBefore(ctx, secure), nil
}

func lineBefore(ctx context.Context, conn net.Conn) net.Conn {
	target, _ := ctx.Value(lineKey).(string)
	here, there := net.Pipe()
	go func() {
		from := bufio.NewReader(there)
		line, err := from.ReadString('\n')
		if err == nil {
			_, err = io.WriteString(conn, strings.Replace(line, " / ", " "+target+" ", 1))
		}
		if err == nil {
			_, _ = io.Copy(conn, from) // until the transport is done with it
		}
		conn.Close()
	}()
	go func() {
		_, _ = io.Copy(there, conn)
		there.Close()
	}()
	return here
}
