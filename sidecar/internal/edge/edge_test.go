package edge_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/edge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// start serves an edge whose internal API nobody answers.
func start(t *testing.T) (string, *edge.Routes) {
	t.Helper()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tls, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	routes := edge.NewRoutes(log)
	e, err := edge.New(edge.Options{
		BaseDomain: "instances.localhost", DashboardURL: "http://whaley.localhost:8080", InternalURL: "http://127.0.0.1:1",
		PluginKey: "a key of the plugin",
		Dashboard: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "dashboard") }),
		Web:       web, TLS: tls, Routes: routes, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return web.Addr().String(), routes
}

func get(t *testing.T, method, address, host string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func TestEachHostLeadsWhereItShould(t *testing.T) {
	address, _ := start(t)
	for _, c := range []struct {
		method, host string
		status       int
		to           string
	}{
		{"GET", "whaley.localhost:8080", 200, ""}, {"GET", "WHALEY.localhost", 200, ""},
		{"GET", "127.0.0.1:8080", 302, "http://whaley.localhost:8080"}, {"POST", "127.0.0.1", 421, ""},
		{"GET", "web-abcdefghijklm.instances.localhost", 503, ""}, // the plugin, whose sidecar is away
	} {
		got := get(t, c.method, address, c.host)
		if got.StatusCode != c.status || got.Header.Get("Location") != c.to {
			t.Errorf("%s %s: %d %q", c.method, c.host, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	address, _ := start(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: whaley.localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 100_000))
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 431" {
		t.Errorf("%q %v", answer, err)
	}
}

func TestRoutesHoldExactlyWhatIsListed(t *testing.T) {
	routes := edge.NewRoutes(slog.New(slog.DiscardHandler))
	ctx := context.Background()
	of := func(instance string) []whaley.Publication {
		return []whaley.Publication{{
			Instance: instance, Name: instance, Host: instance + ".x", Type: whaley.RouteTCP, Backend: "10.0.0.2:1",
		}}
	}
	if err := routes.Publish(ctx, "a", of("a")); err != nil {
		t.Fatal(err)
	}
	list := func(context.Context) ([]whaley.Publication, error) { return of("b"), nil }
	if err := routes.Sync(ctx, list); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"a.x": false, "b.x": true} {
		if _, there := routes.ByName(host); there != want {
			t.Errorf("%s: %v", host, there)
		}
	}
	if err := routes.Retract(ctx, "other", of("b")); err != nil {
		t.Fatal(err)
	}
	if _, there := routes.ByName("b.x"); !there {
		t.Error("another instance took it away")
	}
	if err := routes.Retract(ctx, "b", of("b")); err != nil {
		t.Fatal(err)
	}
	if _, there := routes.ByName("b.x"); there {
		t.Error("it is still there")
	}
}
