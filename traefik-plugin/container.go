package whaley

import (
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"

	"github.com/whaley-ctf/whaley/shared/flow"
	"github.com/whaley-ctf/whaley/shared/host"
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

// schemeH2C is that of backends which speak HTTP/2 without TLS.
const schemeH2C = "h2c"

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

// checkAnswer filters what a container answers, or refuses it. It is the ModifyResponse of every reverse proxy.
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

// wayTo is how to ask a backend in what it speaks: http, https, or h2c, which is HTTP/2 without TLS. target is what its requests
// have in their URLs.
func wayTo(backend string) (through *http.Transport, target *url.URL, err error) {
	target, err = url.Parse(backend)
	if err == nil && target.Host == "" {
		err = errors.New("no host")
	}
	if err != nil {
		return nil, nil, err
	}
	if target.Scheme != schemeH2C {
		return transport, target, nil
	}
	if !speaksH2C {
		return nil, nil, errors.New("this Traefik is too old to speak HTTP/2 without TLS")
	}
	target.Scheme = "http"
	return plainHTTP2, target, nil
}

// dropIdle closes the connections to containers that nothing is under way on. What ended with its network may not have closed
// its side, and a request with a body that was sent there is lost: it cannot be sent twice.
func dropIdle() {
	transport.CloseIdleConnections()
	plainHTTP2.CloseIdleConnections()
}

// speakH2C makes a transport speak HTTP/2 without TLS, and says whether it can. By name, since the interpreter does not
// know what Go has had since 1.24, and Traefik's own Go has it.
func speakH2C(t *http.Transport) bool {
	field := reflect.ValueOf(t).Elem().FieldByName("Protocols")
	if !field.IsValid() {
		return false
	}
	protocols := reflect.New(field.Type().Elem())
	set := protocols.MethodByName("SetUnencryptedHTTP2")
	if !set.IsValid() {
		return false
	}
	set.Call([]reflect.Value{reflect.ValueOf(true)})
	field.Set(protocols)
	return true
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

// cleanTrailers does the same with what came behind a body that was passed on: until the handler returns, trailers stand
// among the headers, announced ones as headers do, others with a prefix.
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
