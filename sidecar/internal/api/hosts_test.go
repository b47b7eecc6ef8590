package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

// TestTheListenerAnswersToNamesOfOursOnly is about a site whose name is made to lead here: its page has that name.
func TestTheListenerAnswersToNamesOfOursOnly(t *testing.T) {
	direct := newSurfaceOn(t, simulated.NewWorld().Engine("test")).api.Direct([]string{"Sidecar.internal", "whaley-1"})
	ask := func(method, path, name string) int {
		r := httptest.NewRequest(method, path, nil)
		r.Host, r.RemoteAddr = name, alice+":5555"
		r.Header.Set("Origin", "http://"+name)
		w := httptest.NewRecorder()
		direct.ServeHTTP(w, r)
		if w.Code == http.StatusMisdirectedRequest && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be kept", name)
		}
		return w.Code
	}
	for _, name := range []string{
		"whaley.localhost:8080", "whaley.localhost", "WHALEY.localhost.", "localhost:8000", "127.0.0.1:8000", "127.0.0.1",
		"10.1.2.3:80", "[::1]:8000", "[::1]", "::1",
		"[fe80::1%25eth0]:80", "sidecar.internal:1", "WHALEY-1",
	} {
		for _, path := range []string{"/instances", "/challenges", "/admin/api/settings", "/nothing"} {
			if got := ask("GET", path, name); got == http.StatusMisdirectedRequest {
				t.Errorf("%s %s: %d", name, path, got)
			}
		}
	}
	for _, name := range []string{
		"evil.example", "evil.example:8000", "whaley.localhost.evil.example", "127.0.0.1.evil.example",
		"127.0.0.1.nip.io:8000", "localhost.evil.example", "evil.localhost",
		"web-abcdefghijklm.instances.localhost", "xwhaley.localhost", "whaley", "0x7f.1", "2130706433", "[::1].evil.example",
		"127.0.0.1:8000.evil.example", "[evil.example]", "",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"} {
			for _, path := range []string{
				"/instances", "/instances/spawn", "/", "/admin/api/settings", "/events", "/healthy", "/metrics/", "/x/health/ready",
				"/health/../instances", "/health/x", "//health",
			} {
				if got := ask(method, path, name); got != http.StatusMisdirectedRequest {
					t.Errorf("%s %s of %q: %d", method, path, name, got)
				}
			}
		}
		// Those who look after it know it by many names.
		for path, want := range map[string]int{"/health": 200, "/health/live": 200, "/health/ready": 200, "/metrics": 401} {
			if got := ask("GET", path, name); got != want {
				t.Errorf("%s of %q: %d, want %d", path, name, got, want)
			}
		}
	}
}
