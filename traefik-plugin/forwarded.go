package whaley

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// errForwarded is why a route's way with forwarding headers is refused.
var errForwarded = errors.New(`must be "replace", "append" or "none"`)

func checkForwarded(how string) error {
	switch how {
	case "", wire.ForwardedReplace, wire.ForwardedAppend, wire.ForwardedNone:
		return nil
	}
	return errForwarded
}

// asClaimed says whether a route gets what a client claims of itself, since its challenge is about that.
func asClaimed(how string) bool { return how == wire.ForwardedAppend || how == wire.ForwardedNone }

// proxySays are the headers that Traefik fills in where a client has not, so that nobody can tell afterwards who did.
var proxySays = []string{"X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"}

// passClaims gives a container the forwarding headers that the client sent, without what proxies on the way have added. The
// reverse proxy has taken some of them out of what goes to the container, but not of what came.
func (h *Handler) passClaims(p *httputil.ProxyRequest, v *visit) {
	in := p.In.Header
	out := p.Out.Header
	for name := range out {
		if isOurs(name) {
			delete(out, name)
		}
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if lines := in[name]; lines != nil {
			out[name] = lines
		}
	}
	address := peer.Address(p.In.RemoteAddr, in["X-Forwarded-For"], v.ring.trusted)
	said := h.said(p.In, address.String())
	for _, name := range proxySays {
		lines := out[name]
		if len(lines) > 0 && lines[0] == "" || len(lines) == 1 && said[name+": "+lines[0]] {
			delete(out, name)
		}
	}
	delete(out, "X-Forwarded-Server") // a proxy's own name
	sent, did := peer.Sent(p.In.RemoteAddr, in["X-Forwarded-For"], v.ring.trusted)
	if did {
		out["X-Forwarded-For"] = []string{sent}
	}
	if v.forwarded == wire.ForwardedNone {
		return
	}
	if address.IsValid() {
		out["X-Forwarded-For"] = []string{address.String()}
		if sent != "" {
			out["X-Forwarded-For"] = []string{sent + ", " + address.String()}
		}
	}
	if out["X-Forwarded-Host"] == nil {
		out["X-Forwarded-Host"] = []string{p.In.Host}
	}
	if out["X-Forwarded-Proto"] == nil {
		out["X-Forwarded-Proto"] = []string{h.scheme()}
	}
}

// said is what a proxy says of a request by itself.
func (h *Handler) said(r *http.Request, address string) map[string]bool {
	said := map[string]bool{
		"X-Real-Ip: " + address: true, "X-Forwarded-Host: " + r.Host: true, "X-Forwarded-Proto: " + h.scheme(): true,
		"X-Forwarded-Port: 80": true, "X-Forwarded-Port: 443": true,
	}
	if from, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		from, _, _ = strings.Cut(from, "%")
		said["X-Real-Ip: "+from] = true
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		said["X-Forwarded-Port: "+port] = true
	}
	secure := ""
	if r.TLS != nil {
		secure = "s"
	}
	said["X-Forwarded-Proto: http"+secure] = true
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		said["X-Forwarded-Proto: ws"+secure] = true
	}
	return said
}

// isOurs says whether a header is one by which Whaley's own parts know each other or a player.
func isOurs(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return strings.Contains(name, "whaley") || strings.Contains(name, "admin-key")
}
