package whaley

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/whaley-ctf/whaley/shared/flow"
	"github.com/whaley-ctf/whaley/shared/host"
)

// direct serves one running container that whoever has the address may reach. Traefik has a router for it, so nothing
// has to be asked, and most requests need no more than a proxy that filters the answer. Others go the long way.
type direct struct {
	backend   string
	at        string       // it and the middleware's name, which is its instance's
	forwarded string       // not empty: no header of the client's is taken for Traefik's own
	proxy     http.Handler // a ReverseProxy; interpreted, its method costs less by the interface
	once      http.Handler // the same for requests that cannot be sent twice
}

const (
	maxDirects       = 8192
	shortestReserved = "/.well-known/whaley"
)

// All that exist, by name and backend, since Traefik makes all its middlewares anew at every change of its routes;
// and the middlewares that know the sidecar, by base domain.
var (
	directsMu sync.Mutex
	directs   = map[string]*direct{}
	fronts    = map[string]*Handler{}
)

func directTo(name, backend, forwarded string) (*direct, error) {
	key := name + "\x00" + forwarded + backend
	directsMu.Lock()
	defer directsMu.Unlock()
	if d := directs[key]; d != nil {
		return d, nil
	}
	through, target, err := wayTo(backend)
	if err != nil {
		return nil, err
	}
	meet(backend, name)
	d := &direct{backend: backend, at: name + " at " + backend, forwarded: forwarded}
	d.proxy = d.through(through, target)
	d.once = d.proxy
	if through == transport {
		d.once = d.through(unrepeated, target)
	}
	if len(directs) >= maxDirects {
		directs = map[string]*direct{}
	}
	directs[key] = d
	return d, nil
}

func (d *direct) through(way *http.Transport, target *url.URL) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = way
	proxy.BufferPool = spare
	proxy.ErrorLog = proxyLog
	proxy.ModifyResponse = passAnswer
	proxy.ErrorHandler = d.failed
	return proxy
}

// ordinary are the headers that most requests have and that are passed on, or that Traefik sets whatever a stranger
// said.
var ordinary = set("Accept Accept-Encoding Accept-Language Authorization Cache-Control Content-Length Content-Type Cookie Dnt " +
	"If-Modified-Since If-None-Match Origin Pragma Priority Range Referer Sec-Ch-Ua Sec-Ch-Ua-Mobile Sec-Ch-Ua-Platform " +
	"Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Upgrade-Insecure-Requests User-Agent X-Requested-With " +
	"X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto X-Forwarded-Server X-Real-Ip")

// bodyKey is where the context of a request holds its body as it came.
var bodyKey = new(int)

// oursOnly are the headers that end here: Traefik's own words about the client, which containers are told otherwise.
var oursOnly = []string{"X-Forwarded-Port, X-Forwarded-Server, X-Real-Ip"}

// ServeHTTP implements http.Handler. It asks few questions and lets the standard library do what it can, since an
// interpreted statement costs some hundred times a compiled one.
func (d *direct) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := r.URL
	header := r.Header
	if header["Upgrade"] != nil {
		d.longWay(w, r) // which counts them; of many at once, what is asked before costs all players
		return
	}
	var others strings.Builder
	_ = header.WriteSubset(&others, ordinary)
	if d.forwarded != "" || others.Len() != 0 && !passable(header) || u.RawPath != "" || r.RequestURI == "" ||
		r.RequestURI[0] != '/' || u.RawQuery != "" && strings.IndexByte(r.RequestURI, ';') >= 0 || r.Trailer != nil ||
		r.Method == http.MethodConnect || len(u.Path) >= len(shortestReserved) && isReserved(u.Path) {
		d.longWay(w, r)
		return
	}
	if lines := header["Cookie"]; lines != nil && strings.Contains(strings.ToLower(strings.Join(lines, ";")), ticketCookie) {
		d.longWay(w, r)
		return
	}
	header["Connection"] = oursOnly // the proxy takes out what is named there
	if r.ContentLength != 0 {
		bounded, end := flow.Bound(w, r)
		defer end()
		// A failed dial closes what the proxy makes of the body, and another try needs the body itself.
		body := io.NopCloser(bounded.Body)
		r = bounded.WithContext(context.WithValue(bounded.Context(), bodyKey, body))
		r.Body = body
	}
	if repeatable(r) {
		d.proxy.ServeHTTP(w, r)
	} else {
		d.once.ServeHTTP(w, r)
	}
	if sent := w.Header(); sent["Content-Length"] == nil { // only a body in chunks has trailers
		cleanTrailers(sent, r.Host)
	}
}

// passable says whether all headers of a request may be passed on as they are.
func passable(header http.Header) bool {
	if len(header) > maxNames {
		return false
	}
	for name, lines := range header {
		if ordinary[name] {
			continue
		}
		if name == "Connection" && len(lines) == 1 && (lines[0] == "keep-alive" || lines[0] == "close") {
			continue
		}
		if name == "Connection" || name == "Upgrade" || claimsOrigin(name) {
			return false
		}
	}
	return true
}

// longWay looks at everything, but asks the sidecar nothing unless the container is not there any more.
func (d *direct) longWay(w http.ResponseWriter, r *http.Request) {
	h := front(r)
	if h == nil {
		early(w)
		return
	}
	v := &visit{host: host.Clean(r.Host), navigation: isNavigation(r), ring: &keyring{}, forwarded: d.forwarded, at: d.at}
	if h.tooMany(w, r, v) {
		return
	}
	if ring, err := h.sidecar.ring(r.Context()); err == nil {
		v.ring = ring // else nobody is a trusted proxy
	} else if isReserved(r.URL.Path) {
		h.unavailable(w, r, v)
		return
	}
	reserved := isReserved(r.URL.Path)
	if reserved || r.Header.Get("Upgrade") != "" {
		if !h.inTurn(w, r, v) {
			return
		}
		defer h.leave(v)
	}
	if reserved {
		h.identify(r, v)
		h.reserved(w, r, v)
		return
	}
	if !h.acceptable(w, r, v) {
		return
	}
	bounded, end := flow.Bound(w, r)
	defer end()
	if !h.forward(w, bounded, v, d.backend) {
		h.leave(v)
		h.ServeHTTP(w, bounded)
	}
}

// failed is told by the proxy why a container did not answer.
func (d *direct) failed(w http.ResponseWriter, r *http.Request, err error) {
	h := front(r)
	if h == nil {
		early(w)
		return
	}
	if errors.Is(err, errUnreached) && r.Context().Err() == nil {
		delete(r.Header, "X-Forwarded-For") // the proxy's; nothing else of the request has been used
		if body := r.Context().Value(bodyKey); body != nil {
			r.Body = body.(io.ReadCloser)
		}
		h.ServeHTTP(w, r)
		return
	}
	h.broken(w, r, &visit{navigation: isNavigation(r), at: d.at}, err)
}

// front is the middleware that knows the sidecar of a host's base domain, nil if Traefik has not made it yet.
func front(r *http.Request) *Handler {
	_, base, _ := strings.Cut(host.Clean(r.Host), ".")
	directsMu.Lock()
	defer directsMu.Unlock()
	return fronts[base]
}

func early(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "Whaley is starting. Try again in a second.", http.StatusServiceUnavailable)
}
