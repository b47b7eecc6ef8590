package api

import (
	"net/http"
	"strings"
)

// sameOrigin keeps pages of other sites from doing anything in a player's name: whoever is known by a cookie or by
// address is so without their doing. A request that shows a token or a key of its own is none of these, its cookies
// are not looked at, and where it comes from does not matter.
func (a *API) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(a.wrap(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin }))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Players != nil && showsSecret(r) {
			next.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func showsSecret(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Token") ||
		strings.EqualFold(scheme, adapterScheme)
}

// shared lets pages of other sites use the API with a token that they have, and never with a browser's cookies. Where
// a player is an address there is no such thing: any page that a player opens would be the player.
func (a *API) shared(next http.Handler) http.Handler {
	if a.Players == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/admin/") || strings.HasPrefix(r.URL.Path, "/auth/") {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
