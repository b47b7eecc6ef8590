package whaley

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	maxReady    = 4096
	maxReadyKey = 4096 // bytes; a browser's cookies and a ticket fit
)

// ready is what was decided of an earlier request that said the same of itself: it goes to a container that runs. An
// interpreted statement costs some hundred times a compiled one, so a request that repeats gets by with a few dozen of
// them. It holds no longer than what the decision was made from.
type ready struct {
	until     time.Time
	proxy     *httputil.ReverseProxy
	remote    string   // the client as the address of a connection
	cookie    []string // what the container may see; nil: none
	forHost   []string
	scheme    []string
	requester wire.HostRequest
	from      string      // the address of the connection
	at        string      // the container, for the log
	said      http.Header // what was said of the request, which is not passed on
}

// readyKey is all of a request that the decision depends on, empty if such a request is looked at anew each time: one
// that may not be sent twice, for which another try needs care, with an upgrade, with headers for one hop only, with a
// target that the standard library would write otherwise, or for a path that may be ours.
func (h *Handler) readyKey(r *http.Request) string {
	header := r.Header
	path := r.URL.Path
	port := strings.LastIndexByte(r.RemoteAddr, ':')
	if !repeatable(r) || len(header) > maxNames || port < 0 || !plainTarget(r) || strings.Contains(path, "whaley") {
		return ""
	}
	if hops := header["Connection"]; len(hops) > 1 || len(hops) == 1 && hops[0] != "keep-alive" {
		return ""
	}
	// No part can hold a zero byte: net/http refuses such requests.
	return h.settings + r.Host + "\x00" + r.RemoteAddr[:port] + "\x00" +
		strings.Join(header["X-Forwarded-For"], ",") + "\x00" + strings.Join(header[wire.TicketHeader], ",") + "\x00" +
		strings.Join(header["Cookie"], "; ")
}

// serveReady proxies a request of which everything is known. It returns false, with nothing written and the request as
// it was, if that is not so.
func (h *Handler) serveReady(w http.ResponseWriter, r *http.Request, key string) bool {
	s := h.sidecar
	s.mu.Lock()
	p := s.ready[key]
	s.mu.Unlock()
	if p == nil || time.Until(p.until) <= 0 {
		return false
	}
	header := r.Header
	dropClaims(header) // X-Forwarded-For too: the proxy says the address of the connection
	r.RemoteAddr = p.remote
	header["X-Forwarded-Host"] = p.forHost
	header["X-Forwarded-Proto"] = p.scheme
	if header["Cookie"] != nil {
		header["Cookie"] = p.cookie
	}
	p.proxy.ServeHTTP(w, r)
	if sent := w.Header(); sent["Content-Length"] == nil { // only a body in chunks has trailers
		cleanTrailers(sent, r.Host)
	}
	return true
}

// refused answers a request that was ready when its container gave no answer. One that was not reached may have stopped
// since: the request is looked at anew, as it came.
func (h *Handler) refused(w http.ResponseWriter, out *http.Request, err error, key string, p *ready) {
	if errors.Is(err, errUnreached) && out.Context().Err() == nil {
		h.sidecar.forget(p.requester)
		h.sidecar.unready(key)
		r := out.Clone(out.Context())
		r.RemoteAddr = p.from
		r.Header.Del("X-Forwarded-For")
		for name, lines := range p.said {
			if len(lines) > 0 {
				r.Header[name] = lines
			}
		}
		h.ServeHTTP(w, r)
		return
	}
	h.broken(w, out, &visit{navigation: isNavigation(out), at: p.at}, err)
}

func (s *sidecar) unready(key string) {
	s.mu.Lock()
	delete(s.ready, key)
	s.mu.Unlock()
}

// prepare keeps that a request goes to a running container, for as long as that was known anyway.
func (h *Handler) prepare(r *http.Request, v *visit, key, backend string) {
	address := peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), v.ring.trusted)
	through, target, err := wayTo(backend)
	if err != nil || len(key) > maxReadyKey || !address.IsValid() {
		return
	}
	s := h.sidecar
	s.mu.Lock()
	known, seen := s.known[knownKey(v.query)]
	s.mu.Unlock()
	until := known.at.Add(knownFresh)
	if v.expires != 0 && until.Unix() >= v.expires {
		return
	}
	if !seen || !time.Now().Before(until) {
		return
	}
	// The Director of the standard library, since an interpreted one costs more than all that it does. What a Rewrite is
	// safer for does not come about: who names headers for one hop is not ready, and forwarding headers are replaced
	// before.
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = through
	proxy.BufferPool = spare
	proxy.ErrorLog = proxyLog
	proxy.ModifyResponse = passAnswer
	shown := http.Header{"Cookie": r.Header["Cookie"]}
	stripCookies(shown)
	p := &ready{until: until, proxy: proxy, remote: net.JoinHostPort(address.String(), "0"), cookie: shown["Cookie"],
		forHost: []string{r.Host}, scheme: []string{h.scheme()}, requester: v.query, from: r.RemoteAddr, at: v.at,
		said: http.Header{}}
	for _, name := range []string{"X-Forwarded-For", "Cookie", wire.TicketHeader} {
		p.said[name] = r.Header[name]
	}
	proxy.ErrorHandler = func(w http.ResponseWriter, out *http.Request, err error) { h.refused(w, out, err, key, p) }
	s.mu.Lock()
	if len(s.ready) >= maxReady {
		s.ready = map[string]*ready{}
	}
	s.ready[key] = p
	s.mu.Unlock()
}
