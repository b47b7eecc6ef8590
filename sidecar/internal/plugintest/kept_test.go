package plugintest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// address is that of one container after the other. Connections to who had it before are known to none who comes
// later, and answered as a kernel answers them: by a reset.
type address struct {
	net.Listener
	holder atomic.Int64
	opened atomic.Int64
}

func (a *address) Accept() (net.Conn, error) {
	conn, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	a.opened.Add(1)
	return &toHolder{Conn: conn, of: a, who: a.holder.Load()}, nil
}

type toHolder struct {
	net.Conn
	of  *address
	who int64
}

func (c *toHolder) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.who != c.of.holder.Load() {
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// serveAt serves an address in what a scheme speaks.
func serveAt(t *testing.T, scheme string, handler http.HandlerFunc) *address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &address{Listener: l}
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = a
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetHTTP1(scheme != "h2c")
	server.Config.Protocols.SetHTTP2(scheme == "https")
	server.Config.Protocols.SetUnencryptedHTTP2(scheme == "h2c")
	if server.EnableHTTP2 = scheme == "https"; server.EnableHTTP2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return a
}

func count(rw http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(rw, "%s %d bytes", r.Method, n)
}

// takenOver lets one instance after the other have the same address, with no word to who has connections to the first.
func takenOver(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	hosts := []string{web, pwn, "third-abcdefghijklm." + base}
	body := strings.Repeat("x", 10_000)
	try := func(what, host string) {
		for _, method := range []string{"POST", "GET", "DELETE"} {
			sent := body
			if method != "POST" {
				sent = ""
			}
			if got := w.send(method, host, "/", sent); got.Status != 200 ||
				got.Body != fmt.Sprintf("%s %d bytes", method, len(sent)) {
				t.Errorf("%s: %s %d %.300s", what, method, got.Status, got.Body)
			}
		}
	}
	for _, scheme := range []string{"http", "https", "h2c"} {
		at := serveAt(t, scheme, count)
		backend := scheme + "://" + at.Addr().String()
		runs := func(q wire.HostRequest) wire.HostStatus {
			return wire.HostStatus{
				State: wire.StateRunning, Mine: true, Access: "link", Backend: backend, Version: scheme, Instance: q.Host,
			}
		}
		w.on(wire.PathWake, runs)
		for n, host := range hosts {
			at.holder.Store(int64(n))
			try(fmt.Sprint(scheme, ", instance ", n), scheme+"--"+host)
		}
		front := w.front
		for n := range 3 {
			at.holder.Store(int64(10 + n))
			w.goDirectTo(fmt.Sprint(scheme, n, "@redis"), backend)
			try(fmt.Sprint(scheme, ", directly, instance ", n), web)
		}
		w.front = front
	}
}

// handshakes ends the first connections in the middle of a handshake.
func handshakes(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	var left atomic.Int64
	at := serveAt(t, "https", count)
	between := testkit.Serve(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		if left.Add(-1) >= 0 {
			_, _ = conn.Read(make([]byte, 10))
			return
		}
		onward, err := net.Dial("tcp", at.Addr().String())
		if err != nil {
			return
		}
		defer onward.Close()
		go io.Copy(onward, conn)
		io.Copy(conn, onward)
	})
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{
			State: wire.StateRunning, Mine: true, Access: "link", Backend: "https://" + between.String(), Version: "1",
		}
	})
	left.Store(2)
	if got := w.send("POST", web, "/", "body"); got.Status != 200 || got.Body != "POST 4 bytes" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// keptShortly has a container that closes connections without a word after a time that is longer than none should be
// kept idle for a request with a body.
func keptShortly(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	at := serveAt(t, "http", count)
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{
			State: wire.StateRunning, Mine: true, Access: "link", Backend: "http://" + at.Addr().String(), Version: "1",
		}
	})
	send := func() {
		if got := w.send("POST", web, "/", "body"); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	send()
	time.Sleep(1200 * time.Millisecond)
	at.holder.Add(1) // what was open by now is closed, and nobody was told
	send()
	before := at.opened.Load()
	for range 20 {
		send()
	}
	if n := at.opened.Load() - before; n > 10 {
		t.Errorf("%d connections for 20 requests one after the other", n)
	}
}

// answeredEarly has a container that answers and closes before it has read all: what it never read makes that a reset.
func answeredEarly(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.sends("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate")
	body := strings.Repeat("x", 2<<20)
	var all sync.WaitGroup
	for n := range 24 {
		path := "/"
		if n%3 == 0 {
			path = "//x|y" // no URL
		}
		all.Go(func() {
			if got := w.send("POST", web, path, body); got.Status != 501 || got.Body != "late" {
				t.Errorf("%s: %d %.200s", path, got.Status, got.Body)
			}
		})
	}
	all.Wait()
}
