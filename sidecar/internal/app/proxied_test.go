package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

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
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} { // a trusted proxy, and a stranger
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want := from
		if from == "127.0.0.1" {
			want = "203.0.113.5"
			header := proxyproto.HeaderProxyFromAddrs(
				2, &net.TCPAddr{IP: net.ParseIP(want), Port: 1}, &net.TCPAddr{IP: net.ParseIP(from), Port: 2},
			)
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

// TestPlayersBehindOneProxyEachHaveTheirShare holds all that one of them may have, spoken for by the proxy they share
// with another.
func TestPlayersBehindOneProxyEachHaveTheirShare(t *testing.T) {
	const each = 3
	for name, hello := range map[string]time.Duration{"web": 0, "tls": time.Minute} {
		t.Run(name, func(t *testing.T) {
			proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			counted, err := listen.Open("127.0.0.1:0", listen.Options{
				Name: "LISTEN", Most: 100, PerAddress: each, ForMany: proxy, Hello: hello, Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			l := behindProxies(counted, proxy)
			defer l.Close()
			// ask says whether a connection is served that the proxy brings for a player, or opens for itself.
			ask := func(source string) (net.Conn, bool) {
				t.Helper()
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				if source != "" {
					header := proxyproto.HeaderProxyFromAddrs(
						2, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source)), conn.RemoteAddr(),
					)
					if _, err := header.WriteTo(conn); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := io.WriteString(conn, "?"); err != nil {
					t.Fatal(err)
				}
				got, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { got.Close() })
				_, err = got.Read(make([]byte, 1))
				if err != nil && !errors.Is(err, listen.ErrTooMany) {
					t.Error(err)
				}
				return got, err == nil
			}
			var held []net.Conn
			for n := range 2 * each {
				conn, served := ask(fmt.Sprintf("203.0.113.5:%d", 1+n))
				if served != (n < each) {
					t.Errorf("connection %d of one player: %v", n, served)
				}
				held = append(held, conn)
			}
			if _, served := ask("203.0.113.6:1"); !served {
				t.Error("another player behind the same proxy is kept out")
			}
			for range 2 * each {
				if _, served := ask(""); !served {
					t.Error("the proxy itself is kept out")
				}
			}
			for _, conn := range held {
				conn.Close()
			}
			for n := range each {
				if _, served := ask(fmt.Sprintf("203.0.113.5:%d", 100+n)); !served {
					t.Errorf("connection %d after those before are closed is refused", n)
				}
			}
		})
	}
}
