package whaley

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"

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
	proxy := &httputil.ReverseProxy{
		Transport: containers,
		Rewrite:   func(p *httputil.ProxyRequest) { h.rewrite(p, v, target) },
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
func (h *Handler) rewrite(p *httputil.ProxyRequest, v *visit, target *url.URL) {
	p.Out.URL.Scheme = target.Scheme
	p.Out.URL.Host = target.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came: a challenge may be about a strange query
	p.Out.Host = p.In.Host
	stripCookies(p.Out.Header)
	dropClaims(p.Out.Header)
	address := peer.Address(p.In.RemoteAddr, p.In.Header.Values("X-Forwarded-For"), v.ring.trusted)
	if address.IsValid() {
		p.Out.Header.Set("X-Forwarded-For", address.String())
	}
	p.Out.Header.Set("X-Forwarded-Host", p.In.Host)
	p.Out.Header.Set("X-Forwarded-Proto", h.scheme())
	if _, set := p.In.Header["User-Agent"]; !set {
		p.Out.Header["User-Agent"] = []string{""} // do not say Go's
	}
}

func (h *Handler) scheme() string {
	if h.secure {
		return "https"
	}
	return "http"
}
