package standby

import (
	"crypto/subtle"
	"net/http"
	"net/http/httputil"
)

// What a standby adds to a request: the key, and from where the request came to it.
const (
	keyHeader  = "X-Whaley-Standby"
	fromHeader = "X-Whaley-Standby-From"
)

// asSent are what a ReverseProxy takes away and the active sidecar has to see as the standby did: it judges by the
// address before them whether to believe them.
var asSent = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

func mark(p *httputil.ProxyRequest, to *next) {
	p.Out.URL.Scheme, p.Out.URL.Host = to.target.Scheme, to.target.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range asSent {
		if values := p.In.Header.Values(name); len(values) > 0 {
			p.Out.Header[name] = values
		}
	}
	p.Out.Header.Set(keyHeader, to.key)
	p.Out.Header.Set(fromHeader, p.In.RemoteAddr)
}

// Receive lets a request that a standby has passed on look as it did there. Without the right key it is refused: it is
// meant for a sidecar that was active before, or a stranger's.
func Receive(key string, next, refuse http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get(keyHeader)
		if shown == "" {
			r.Header.Del(fromHeader)
			next.ServeHTTP(w, r)
			return
		}
		if key == "" || subtle.ConstantTimeCompare([]byte(shown), []byte(key)) != 1 {
			refuse.ServeHTTP(w, r)
			return
		}
		r = r.WithContext(r.Context())
		r.RemoteAddr = r.Header.Get(fromHeader)
		r.Header.Del(keyHeader)
		r.Header.Del(fromHeader)
		next.ServeHTTP(w, r)
	})
}
