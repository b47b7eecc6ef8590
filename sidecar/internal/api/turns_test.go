package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
)

// TestAFloodOfOneAddressWaitsForItself asks for pages, each a millisecond's work. A proxy that is trusted is nobody's
// address.
func TestAFloodOfOneAddressWaitsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy, most atomic.Int64
		pages := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if now := busy.Add(1); now > most.Load() {
				most.Store(now)
			}
			time.Sleep(time.Millisecond)
			busy.Add(-1)
		})
		public := api.New(t.Context(), api.Needs{Pages: pages}, api.Options{
			Turns: 2, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			Dashboard: &url.URL{Scheme: "http", Host: "whaley.localhost"},
		}).Public()
		ask := func(from, forwarded string) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = from + ":1"
			r.Header.Set("X-Forwarded-For", forwarded)
			w := httptest.NewRecorder()
			public.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("%s for %s: %d", from, forwarded, w.Code)
			}
		}
		began := time.Now()
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() { ask("192.0.2.1", fmt.Sprintf("192.0.2.%d", 10+n)) }) // not believed
		}
		all.Wait()
		if most.Load() != 2 {
			t.Errorf("%d at the same time, want 2", most.Load())
		}
		flood := time.Since(began)
		for _, forwarded := range []string{"192.0.2.%d", ""} {
			began = time.Now()
			for n := range 50 {
				all.Go(func() {
					if forwarded == "" {
						ask("10.0.0.1", "")
						return
					}
					ask("10.0.0.1", fmt.Sprintf(forwarded, 10+n))
				})
			}
			all.Wait()
			if took := time.Since(began); took != time.Millisecond {
				t.Errorf("fifty behind a proxy took %s, one address %s", took, flood)
			}
		}
	})
}
