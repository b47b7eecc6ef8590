package app

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
)

// FuzzWhatAProxySays has a trusted proxy say anything of whose connection it brings: that ends, with whoever it is from
// counted once, and nothing is left of it.
func FuzzWhatAProxySays(f *testing.F) {
	counted, err := listen.Open("127.0.0.1:0", listen.Options{Name: "LISTEN", Most: 8, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	l := behindProxies(counted, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	f.Cleanup(func() { l.Close() })
	f.Add([]byte("PROXY TCP4 203.0.113.5 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x05\x7f\x00\x00\x01\x00\x01\x00\x02hello"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
		got, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		_ = got.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, got); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q leaves the connection open", sent)
		}
		if got.RemoteAddr() == nil {
			t.Errorf("%q is from nobody", sent)
		}
	})
}
