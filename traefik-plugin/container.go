package whaley

import (
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/whaley-ctf/whaley/shared/flow"
	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/turn"
)

// What one answer of a container may be. Each is more than any honest one has, and little enough that an answer that is
// made to be expensive costs about a megabyte.
const (
	maxAnswerHeader  = 64 << 10 // bytes of status line and headers, and of each interim answer
	maxAnswerNames   = 512      // different headers
	maxAnswerCookies = 256      // that are passed on; browsers keep some 180 of a whole domain
	maxInterim       = 64       // interim answers (1xx) before the answer itself
	maxContainerConn = 128      // connections to one container that wait for an answer or read one; others wait for their turn
)

// harmless are the headers that most answers have, none of which clean takes out.
var harmless = set("Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Origin Age Allow Cache-Control Connection " +
	"Content-Disposition Content-Encoding Content-Language Content-Length Content-Range Content-Security-Policy Content-Type Date Etag " +
	"Expires Keep-Alive Last-Modified Link Location Pragma Referrer-Policy Server Strict-Transport-Security Transfer-Encoding " +
	"Upgrade Vary Www-Authenticate X-Content-Type-Options X-Frame-Options X-Powered-By X-Xss-Protection")

// errAnswer means that a container answered what cannot be passed on.
var errAnswer = errors.New("no answer that can be passed on")

// interim is asked by a transport for each request, through which proxy it goes: through none. But here, and only here
// without a wrapper around every request, what the reverse proxy passes on of interim answers can be filtered.
func interim(r *http.Request) (*url.URL, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace == nil || trace.Got1xxResponse == nil {
		return nil, nil
	}
	pass := trace.Got1xxResponse // the reverse proxy's, made for this request alone
	left := maxInterim
	trace.Got1xxResponse = func(code int, header textproto.MIMEHeader) error {
		left--
		if left < 0 || len(header) > maxAnswerNames {
			return errAnswer
		}
		clean(http.Header(header), r.Host)
		flow.Answered(r.Context())
		return pass(code, header)
	}
	return nil, nil
}

// passAnswer does with an answer what is to be done before it is passed on, where the proxy says itself whom it is for.
func passAnswer(resp *http.Response) error {
	if err := checkAnswer(resp); err != nil {
		return err
	}
	if isBulk(resp) {
		if address, err := netip.ParseAddr(resp.Request.Header.Get("X-Forwarded-For")); err == nil {
			inPieces(resp, turn.Of(address))
		}
	}
	return nil
}

// checkAnswer filters what a container answers, or refuses it.
func checkAnswer(resp *http.Response) error {
	if resp.Request.ContentLength != 0 {
		flow.Answered(resp.Request.Context())
	}
	// net/http passes on three digits of any kind, and panics when they are to be written.
	if resp.StatusCode < 100 || len(resp.Header) > maxAnswerNames {
		return errAnswer
	}
	var others strings.Builder
	_ = resp.Header.WriteSubset(&others, harmless) // compiled, this costs less than one step of a loop here
	if others.Len() != 0 {
		clean(resp.Header, resp.Request.Host)
	}
	if resp.Trailer != nil {
		clean(resp.Trailer, resp.Request.Host) // the names; what they hold comes after the body
	}
	return nil
}

// clean takes out of an answer's headers what a container must not say: cookies that are not its own, what takes the
// cookies of the dashboard and of all siblings too, and what looks like Whaley's.
func clean(header http.Header, requested string) {
	if header["Set-Cookie"] != nil {
		filterSetCookie(header, "Set-Cookie", host.Clean(requested))
	}
	delete(header, "Clear-Site-Data")
	for name := range header {
		if name[0] == 'X' && strings.HasPrefix(name, "X-Whaley-") { // interpreted, a comparison costs less than a call
			delete(header, name)
		}
	}
}

// cleanTrailers does the same with what came behind a body that was passed on: until the handler returns, trailers
// stand among the headers, announced ones as headers do, others with a prefix.
func cleanTrailers(header http.Header, requested string) {
	for name := range header {
		if !strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		switch trailer := name[len(http.TrailerPrefix):]; {
		case trailer == "Set-Cookie":
			filterSetCookie(header, name, host.Clean(requested))
		case trailer == "Clear-Site-Data" || strings.HasPrefix(trailer, "X-Whaley-"):
			delete(header, name)
		}
	}
	clean(header, requested)
}
