package edge_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
)

// hello begins a ClientHello of TLS 1.2 that names web.instances.localhost.
const hello = "\x16\x03\x01\x00\x47\x01\x00\x00\x43\x03\x03" + "0123456789abcdef0123456789abcdef" +
	"\x00\x00\x02\x13\x01\x01\x00\x00\x18\x00\x00\x00\x14\x00\x12\x00\x00\x0fweb.x.localhost"

// Whatever somebody sends to the port for TLS: the connection ends when they have no more to say, and the next is
// served.
func FuzzClientHello(f *testing.F) {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	e, err := edge.New(edge.Options{
		BaseDomain: "instances.localhost", DashboardURL: "http://whaley.localhost:8080", InternalURL: "http://127.0.0.1:1",
		PluginKey: "a key of the plugin",
		Dashboard: http.NotFoundHandler(), Web: web, TLS: port, Routes: edge.NewRoutes(log), Log: log,
		Opener: guesses(func() {}),
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	f.Add([]byte(hello))
	f.Add([]byte("\x16\x03\x01\xff\xff\x01"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(sent) // it may have been closed already
		_ = conn.(*net.TCPConn).CloseWrite()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q leaves the connection open", sent)
		}
	})
}
