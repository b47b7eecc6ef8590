package kit

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// SameOrigin keeps pages of other sites from doing anything in a player's name: whoever is known by a cookie or by
// address is so without their doing. A request that shows a token or a key of its own is none of these, its cookies
// are not looked at, and where it comes from does not matter.
func (a *Surface) SameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(a.Wrap(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin }))
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

// Shared lets pages of other sites use the API with a token that they have, and never with a browser's cookies. Where
// a player is an address there is no such thing: any page that a player opens would be the player.
func (a *Surface) Shared(next http.Handler) http.Handler {
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

// Bearer says whether a request shows a key, in a time that does not tell how much of it was right.
func Bearer(r *http.Request, key string) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(key))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
