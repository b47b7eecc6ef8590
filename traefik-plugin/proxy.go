package whaley

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// errUnreached means that no connection to a container came about: nothing of the request has been used yet.
var errUnreached = errors.New("not reached")

// forward proxies a request to a container. It returns false, with nothing written and the body untouched, if the
// container could not be reached.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, v *visit, backend string) bool {
	target, err := url.Parse(backend)
	if err != nil || target.Host == "" {
		return false
	}
	reached := true
	if r.Body != nil && r.Body != http.NoBody {
		body := r.Body
		defer func() { r.Body = body }()
		r.Body = io.NopCloser(body) // a failed dial closes the body, and another try needs it
	}
	way := transport
	out := asURL(v.target)
	if out == nil {
		way = lineTransport
		r = r.WithContext(context.WithValue(r.Context(), lineKey, v.target))
		out = &url.URL{Path: "/"}
	}
	out.Scheme = target.Scheme
	out.Host = target.Host
	proxy := &httputil.ReverseProxy{
		Transport:      way,
		Rewrite:        func(p *httputil.ProxyRequest) { h.rewrite(p, v, out) },
		ModifyResponse: checkAnswer,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if errors.Is(err, errUnreached) && r.Context().Err() == nil {
				reached = false
				return
			}
			if errors.Is(err, context.Canceled) {
				return // the client went away
			}
			h.broken(w, r, v)
		},
	}
	proxy.ServeHTTP(w, r)
	if reached {
		cleanTrailers(w.Header(), r.Host)
	}
	return reached
}

// broken answers for a container that ended the connection without an answer, or gave one that is none.
func (h *Handler) broken(w http.ResponseWriter, r *http.Request, v *visit) {
	h.problem(w, r, v, wire.Problem{Status: http.StatusBadGateway, Code: "no_answer", RetryAfter: 2,
		Detail: "The challenge ended the connection without an answer that can be passed on. Try again; if it stays like this, stop it on the dashboard and start it anew."})
}

// rewrite makes the request that the container gets: the player's, without what is Whaley's, and with forwarding
// headers that can be believed.
func (h *Handler) rewrite(p *httputil.ProxyRequest, v *visit, out *url.URL) {
	p.Out.URL = out
	p.Out.Host = p.In.Host
	p.Out.Trailer = p.In.Trailer // it is filled in when the body ends
	stripCookies(p.Out.Header)
	dropClaims(p.Out.Header)
	address := peer.Address(p.In.RemoteAddr, p.In.Header.Values("X-Forwarded-For"), v.ring.trusted)
	if address.IsValid() {
		p.Out.Header.Set("X-Forwarded-For", address.String())
	}
	p.Out.Header.Set("X-Forwarded-Host", p.In.Host)
	p.Out.Header.Set("X-Forwarded-Proto", h.scheme())
	spellUpgrade(p.Out.Header)
	if _, set := p.In.Header["User-Agent"]; !set {
		p.Out.Header["User-Agent"] = []string{""} // do not say Go's
	}
}

// spellUpgrade writes the names of a websocket's headers as their standard does, which some servers compare byte for byte.
func spellUpgrade(header http.Header) {
	for name, lines := range header {
		if strings.HasPrefix(name, "Sec-Websocket-") {
			delete(header, name)
			header["Sec-WebSocket-"+name[len("Sec-Websocket-"):]] = lines
		}
	}
}

func (h *Handler) scheme() string {
	if h.secure {
		return "https"
	}
	return "http"
}
