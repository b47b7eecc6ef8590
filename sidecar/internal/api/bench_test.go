package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
)

// BenchmarkAuthenticatedRequests is how fast the API answers a known player: by address, by a CTFd access token, and by
// a session. The bar is req/s with CTFd over req/s by address ≥ 0.8.
func BenchmarkAuthenticatedRequests(b *testing.B) {
	none := newSurfaceOn(b, simulated.NewWorld().Engine("bench"))
	ctfd := newCompetitionAsking(b, identity.Fresh, api.Limits{Player: 10, Address: 60, Admin: 150, Attempts: 300})
	for _, c := range []struct {
		name    string
		handler http.Handler
		header  []string
	}{
		{"none", none.public, []string{"X-Nothing", ""}}, {"ctfd-token", ctfd.public, bearer(ctfd.aliceToken)},
		{"ctfd-session", ctfd.public, ctfd.signIn(ctfd.aliceToken)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest("GET", "/instances", nil)
				r.RemoteAddr = alice + ":5555"
				r.Header.Set(c.header[0], c.header[1])
				w := httptest.NewRecorder()
				c.handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
