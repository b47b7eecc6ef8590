package kit

import (
	"net/http"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// OIDCPath is where a sign-in at an OpenID Connect provider begins.
const OIDCPath = "/auth/oidc"

// byMember is the player of a session.
func (a *Surface) byMember(r *http.Request, address netip.Addr) (whaley.Player, error) {
	cookie, ok := a.Cookie(r, SessionCookie)
	if !ok || a.Opts.Inside(address) {
		return whaley.Player{}, a.Nobody()
	}
	p, err := a.Members.ByCookie(r.Context(), cookie)
	p.Address = address.String()
	return p, err
}
