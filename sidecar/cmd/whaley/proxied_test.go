package main

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
)

// TestWhoeverAProxyBringsCanEndTheirSide is about a counted connection under one that a proxy says the origin of.
func TestWhoeverAProxyBringsCanEndTheirSide(t *testing.T) {
	counted, err := listen.Open("127.0.0.1:0", listen.Options{Name: "LISTEN", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := behindProxies(counted, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	defer l.Close()
	if listen.Around(l, listen.Options{}) != l {
		t.Error("its connections are counted twice")
	}
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} { // a trusted proxy, and anybody
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want := from
		if from == "127.0.0.1" {
			want = "203.0.113.5"
			header := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.ParseIP(want), Port: 1}, &net.TCPAddr{IP: net.ParseIP(from), Port: 2})
			if _, err := header.WriteTo(conn); err != nil {
				t.Fatal(err)
			}
		}
		io.WriteString(conn, "question")
		conn.(*net.TCPConn).CloseWrite()
		got, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		if at, _, _ := net.SplitHostPort(got.RemoteAddr().String()); at != want {
			t.Errorf("from %s: %s", from, at)
		}
		if text, err := io.ReadAll(got); string(text) != "question" {
			t.Errorf("%q %v", text, err)
		}
		if err := got.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if text, err := io.ReadAll(conn); len(text) > 0 || err != nil {
			t.Errorf("after the end of the other side: %q %v", text, err)
		}
	}
}
