package whaley

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"

	"github.com/whaley-ctf/whaley/shared/flow"
	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// errUnreached means that no connection to a container came about: nothing of the request has been used yet.
var errUnreached = errors.New("not reached")

// forward proxies a request to a container. It returns false, with nothing written and the body untouched, if the
// container could not be reached.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, v *visit, backend string) bool {
	through, target, err := wayTo(backend)
	if err != nil {
		v.unreached = err
		return false
	}
	if through == transport && !repeatable(r) {
		through = unrepeated
	}
	reached := true
	if r.Body != nil && r.Body != http.NoBody {
		body := r.Body
		defer func() { r.Body = body }()
		r.Body = io.NopCloser(body) // a failed dial closes the body, and another try needs it
		if r.Trailer != nil {
			var end io.Reader = &trailersOnly{trailer: r.Trailer}
			r.Body = io.NopCloser(io.MultiReader(body, end))
		}
	}
	out := asURL(v.target)
	if out == nil && through == plainHTTP2 {
		h.badTarget(w, r, v, "This challenge speaks HTTP/2, where the path of a request is one that a URL may have.")
		return true
	}
	if out == nil {
		through = lineTransport
		r = r.WithContext(context.WithValue(r.Context(), lineKey, v.target))
		out = &url.URL{Path: "/"}
	}
	out.Scheme = target.Scheme
	out.Host = target.Host
	proxy := &httputil.ReverseProxy{
		Transport:  through,
		BufferPool: spare,
		ErrorLog:   proxyLog,
		Rewrite:    func(p *httputil.ProxyRequest) { h.rewrite(p, v, out) },
		ModifyResponse: func(resp *http.Response) error {
			v.done() // what was opened has been
			if err := checkAnswer(resp); err != nil {
				return err
			}
			if isBulk(resp) {
				inPieces(resp, h.whose(r, v))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if errors.Is(err, errUnreached) && r.Context().Err() == nil {
				reached = false
				v.unreached = err
				return
			}
			h.broken(w, r, v, err)
		},
	}
	proxy.ServeHTTP(w, r)
	if reached {
		cleanTrailers(w.Header(), r.Host)
	}
	return reached
}

// broken answers for a container that ended the connection without an answer, or gave one that is none; and for a
// client whose body did not come.
func (h *Handler) broken(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	canceled := errors.Is(err, context.Canceled)
	if canceled && r.ContentLength == 0 {
		return // the client went away
	}
	// Containers have no deadline. A server that waited for a body in vain takes the client for gone, which it may not be.
	if canceled || errors.Is(err, os.ErrDeadlineExceeded) {
		slow := wire.Problem{Status: http.StatusRequestTimeout, Code: "body_too_slow",
			Detail: "The rest of this request did not come, or came too slowly. Send it again."}
		if conn := flow.Taken(r.Context()); conn != nil {
			h.problemTo(conn, r, v, slow)
			return
		}
		h.problem(w, r, v, slow)
		return
	}
	noAnswer.tell(v.at, "no answer to "+methodOf(r)+" from", err)
	h.problem(w, r, v, wire.Problem{Status: http.StatusBadGateway, Code: "no_answer", RetryAfter: 2,
		Detail: "The challenge ended the connection without an answer that can be passed on. Try again; if it keeps happening, stop it on the dashboard and start it anew."})
}

// rewrite makes the request that the container gets: the player's, without what is Whaley's, and with forwarding
// headers that can be believed.
func (h *Handler) rewrite(p *httputil.ProxyRequest, v *visit, out *url.URL) {
	p.Out.URL = out
	p.Out.Host = p.In.Host
	dropClaims(p.In.Trailer)     // the names; what they hold comes after the body
	p.Out.Trailer = p.In.Trailer // it is filled in when the body ends
	stripCookies(p.Out.Header)
	if asClaimed(v.forwarded) {
		h.passClaims(p, v)
	} else {
		dropClaims(p.Out.Header)
		address := peer.Address(p.In.RemoteAddr, p.In.Header.Values("X-Forwarded-For"), v.ring.trusted)
		if address.IsValid() {
			p.Out.Header.Set("X-Forwarded-For", address.String())
		}
		p.Out.Header.Set("X-Forwarded-Host", p.In.Host)
		p.Out.Header.Set("X-Forwarded-Proto", h.scheme())
	}
	spellUpgrade(p.Out.Header)
	if _, set := p.In.Header["User-Agent"]; !set {
		p.Out.Header["User-Agent"] = []string{""} // do not say Go's
	}
}

// spellUpgrade writes the names of a websocket's headers as their standard does, which some servers compare byte for
// byte.
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
