package whaley

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// lineKey is where the context of a request holds the target that its connection is to write.
var lineKey = new(int)

// newLineTransport makes one that sends what net/url has no words for: targets that begin with two slashes and hold bytes that no URL may
// hold. Its connections write the request line themselves, and serve one request each.
func newLineTransport() *http.Transport {
	t := newContainerTransport(shortIdle)
	t.DialTLSContext = withLine(overTLS(t.DialContext, anybodys("http/1.1")))
	t.DialContext = withLine(t.DialContext)
	t.MaxIdleConnsPerHost = -1
	return t
}

func withLine(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lineBefore(ctx, conn), nil
	}
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
			_, err = io.Copy(conn, from) // until the transport is done with it
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, from) // it may have been answered before it was all read
		}
		conn.Close()
	}()
	go func() {
		_, _ = io.Copy(there, conn)
		there.Close()
	}()
	return here
}
