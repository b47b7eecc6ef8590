package whaley

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
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
}

// readyKey is all of a request that the decision depends on, empty if such a request is looked at anew each time: with
// a body, for which a second try needs care, with an upgrade, with headers for one hop only, or for a path of ours.
func (h *Handler) readyKey(r *http.Request) string {
	port := strings.LastIndexByte(r.RemoteAddr, ':')
	if r.ContentLength != 0 || port < 0 || !strings.HasPrefix(r.URL.Path, "/") || strings.HasPrefix(r.URL.Path, wire.ReservedPrefix) {
		return ""
	}
	if hops := r.Header["Connection"]; len(hops) > 1 || len(hops) == 1 && hops[0] != "keep-alive" {
		return ""
	}
	// No part can hold a zero byte: net/http refuses such requests.
	return h.settings + r.Host + "\x00" + r.RemoteAddr[:port] + "\x00" + strings.Join(r.Header["X-Forwarded-For"], ",") + "\x00" +
		r.Header.Get(wire.TicketHeader) + "\x00" + strings.Join(r.Header["Cookie"], "; ")
}

// serveReady proxies a request of which everything is known. It returns false, with nothing written and the request as
// it was, if that is not so or the container could not be reached.
func (h *Handler) serveReady(w http.ResponseWriter, r *http.Request, key string) bool {
	s := h.sidecar
	s.mu.Lock()
	p := s.ready[key]
	s.mu.Unlock()
	if p == nil || time.Now().After(p.until) {
		return false
	}
	header := r.Header
	remote := r.RemoteAddr
	forwardedFor := header["X-Forwarded-For"]
	cookie := header["Cookie"]
	ticket := header[wire.TicketHeader]
	for name := range header {
		if strings.HasPrefix(name, "X-Whaley-") {
			delete(header, name)
		}
	}
	delete(header, "Forwarded")
	delete(header, "X-Forwarded-For") // the proxy says the address of the connection
	r.RemoteAddr = p.remote
	header["X-Forwarded-Host"] = p.forHost
	header["X-Forwarded-Proto"] = p.scheme
	if cookie != nil {
		header["Cookie"] = p.cookie
	}
	reached := true
	proxy := *p.proxy
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		if errors.Is(err, errUnreached) && r.Context().Err() == nil {
			reached = false
			return
		}
		if !errors.Is(err, context.Canceled) {
			h.broken(w, r, &visit{navigation: isNavigation(r)})
		}
	}
	proxy.ServeHTTP(w, r)
	r.RemoteAddr = remote
	if reached {
		return true
	}
	restore(header, "X-Forwarded-For", forwardedFor)
	restore(header, "Cookie", cookie)
	restore(header, wire.TicketHeader, ticket)
	s.forget(p.requester)
	s.unready(key)
	return false
}

func (s *sidecar) unready(key string) {
	s.mu.Lock()
	delete(s.ready, key)
	s.mu.Unlock()
}

func restore(header http.Header, name string, lines []string) {
	if lines != nil {
		header[name] = lines
	}
}

// prepare keeps that a request goes to a running container, for as long as that was known anyway.
func (h *Handler) prepare(r *http.Request, v *visit, key, backend string) {
	address := peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), v.ring.trusted)
	target, err := url.Parse(backend)
	if err != nil || target.Host == "" || len(key) > maxReadyKey || !address.IsValid() {
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
	name := v.host
	// The Director of the standard library, since an interpreted one costs more than all that it does. What a Rewrite is
	// safer for does not come about: who names headers for one hop is not ready, and forwarding headers are replaced before.
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	proxy.Transport = transport
	proxy.ModifyResponse = func(resp *http.Response) error {
		if resp.Header["Set-Cookie"] != nil {
			filterSetCookie(resp.Header, name)
		}
		delete(resp.Header, "Clear-Site-Data")
		return nil
	}
	shown := http.Header{"Cookie": r.Header["Cookie"]}
	stripCookies(shown)
	p := &ready{until: until, proxy: proxy, remote: net.JoinHostPort(address.String(), "0"), cookie: shown["Cookie"],
		forHost: []string{r.Host}, scheme: []string{h.scheme()}, requester: v.query}
	s.mu.Lock()
	if len(s.ready) >= maxReady {
		s.ready = map[string]*ready{}
	}
	s.ready[key] = p
	s.mu.Unlock()
}
