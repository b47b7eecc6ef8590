package plugintest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// BenchmarkRunning is a request to an instance that runs, as far as the plugin has to do with it: interpreted,
// compiled, and the reverse proxy of the standard library that does nothing else.
func BenchmarkRunning(b *testing.B) {
	container := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	b.Cleanup(container.Close)
	target, err := url.Parse(container.URL)
	if err != nil {
		b.Fatal(err)
	}
	ways := []struct {
		name    string
		handler http.Handler
	}{{"bare", httputil.NewSingleHostReverseProxy(target)}}
	for _, way := range []struct {
		name string
		make maker
	}{{"compiled", compiled}, {"interpreted", interpreted(b)}} {
		w := newWorld(b, way.make)
		w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
			return wire.HostStatus{
				State: wire.StateRunning, Mine: q.Owner == owner, Access: "owner", Backend: container.URL, Version: "1",
			}
		})
		ways = append(ways, struct {
			name    string
			handler http.Handler
		}{way.name, w.front.Config.Handler})
	}
	token := (&world{t: b}).ticket(web)
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/", nil)
				r.Host, r.RequestURI = web, "/"
				r.Header.Set("Cookie", "whaley="+token)
				r.Header.Set("X-Forwarded-For", "127.0.0.1")
				r.Header.Set("X-Forwarded-Port", "80")
				answer := httptest.NewRecorder()
				way.handler.ServeHTTP(answer, r)
				if answer.Code != http.StatusOK {
					b.Fatal(answer.Code, answer.Body)
				}
			}
		})
	}
}
