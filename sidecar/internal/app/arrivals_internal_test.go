package app

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

func TestNewConnectionsAreBoundedWherePlayersConnect(t *testing.T) {
	for what, tried := range map[string]struct {
		edge, listen, dashboard string
		want                    []uint16
	}{
		"the embedded edge":         {"embedded", "127.0.0.1:8000", "https://ctf.example", []uint16{8080, 8443}},
		"with an open API":          {"embedded", ":8000", "https://ctf.example", []uint16{8000, 8080, 8443}},
		"an API by name":            {"embedded", "localhost:8000", "https://ctf.example", []uint16{8080, 8443}},
		"an API at one address":     {"embedded", "10.0.0.1:8000", "https://ctf.example", []uint16{8000, 8080, 8443}},
		"Traefik, https":            {"traefik", "127.0.0.1:8000", "https://ctf.example", []uint16{80, 443, 8443}},
		"Traefik, http":             {"traefik", "[::1]:8000", "http://ctf.example", []uint16{80, 8443}},
		"Traefik at a port it says": {"traefik", "127.0.0.1:8000", "http://[fd00::1]:8081", []uint16{80, 8081, 8443}},
	} {
		u, err := url.Parse(tried.dashboard)
		if err != nil {
			t.Fatal(err)
		}
		got := playersPorts(&config.Config{
			Edge: tried.edge, Listen: tried.listen, EdgeListen: ":8080", EdgeTLSListen: ":8443", Dashboard: u,
		})
		if d := cmp.Diff(tried.want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
}
