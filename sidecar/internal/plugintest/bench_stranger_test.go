package plugintest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// BenchmarkStranger is a request for a host that is not the asker's, each for another one, with a ticket that is none:
// what a flood of guesses costs the front door.
func BenchmarkStranger(b *testing.B) {
	for _, way := range []struct {
		name string
		make maker
	}{{"compiled", compiled}, {"interpreted", interpreted(b)}} {
		w := newWorld(b, way.make)
		w.mode = wire.AuthNone // who asks is known by address, so that it is looked up whose host it is
		n := 0
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n++
				r := httptest.NewRequest("GET", "/", nil)
				r.Host, r.RequestURI = fmt.Sprintf("web-%013d.%s", n, base), "/"
				r.Host = strings.NewReplacer("0", "a", "1", "b", "8", "c", "9", "d").Replace(r.Host)
				r.Header.Set("X-Whaley-Ticket", strings.Repeat("x", 80)+"."+strings.Repeat("y", 86))
				r.Header.Set("Accept", "text/html")
				answer := httptest.NewRecorder()
				w.front.Config.Handler.ServeHTTP(answer, r)
				if answer.Code != http.StatusNotFound {
					b.Fatal(answer.Code, answer.Body)
				}
			}
		})
	}
}
