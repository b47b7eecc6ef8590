package whaley

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/whaley-ctf/whaley/shared/peer"
)

// own stands before what is Whaley's own behind Traefik, where Traefik passes on what clients send as forwarding headers:
// these count only from proxies that are trusted, as if Traefik had looked itself.
type own struct {
	next    http.Handler
	trusted []netip.Prefix
}

func ownTo(next http.Handler, proxies string) (http.Handler, error) {
	trusted, err := peer.ParsePrefixes(strings.Split(proxies, ","))
	if err != nil {
		return nil, fmt.Errorf("TRUSTED_PROXIES: %w", err)
	}
	return &own{next: next, trusted: trusted}, nil
}

// ServeHTTP implements http.Handler. The proxy behind it says whose the connection is.
func (o *own) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !peer.Trusted(r.RemoteAddr, o.trusted) {
		delete(r.Header, "X-Forwarded-For")
		for _, name := range proxySays {
			delete(r.Header, name)
		}
	}
	o.next.ServeHTTP(w, r)
}
