package whaley

import (
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// maxWrapped is how many ResponseWriters may stand before the server's own. Traefik has some eight.
const maxWrapped = 24

// plainTarget says whether the target of a request is written anew as it was sent by whoever proxies its URL. It is not
// where net/url would write it otherwise, where Traefik has decoded or replaced something of it, or where it is no path.
func plainTarget(r *http.Request) bool {
	return r.URL.RawPath == "" && strings.HasPrefix(r.RequestURI, "/") && !strings.Contains(r.RequestURI, ";")
}

// sentTarget is the target as it stood in the request, byte for byte. Traefik decodes what need not have been encoded
// (%2e, %41) before any middleware sees a request, and keeps nothing of it. Only the request that its HTTP server has read
// still says it, which the server's own ResponseWriter holds, in fields that nothing but reflection reads. Where a
// release of Go calls them otherwise, what Traefik made of the target is the best there is.
func sentTarget(w http.ResponseWriter, r *http.Request) string {
	if r.URL.RawPath != "" {
		if sent := asRead(reflect.ValueOf(w), maxWrapped); sent != "" {
			return sent
		}
	}
	return r.RequestURI
}

var responseWriter = reflect.TypeOf((*http.ResponseWriter)(nil)).Elem()

// asRead looks for the request that a server has read behind everything that wraps its ResponseWriter.
func asRead(v reflect.Value, left int) string {
	wraps := v.IsValid() && v.Type().Implements(responseWriter)
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
		wraps = wraps || v.Type().Implements(responseWriter)
	}
	if v.Kind() != reflect.Struct || left == 0 {
		return ""
	}
	servers := strings.HasPrefix(v.Type().PkgPath(), "net/http")
	if servers {
		if read := v.FieldByName("req"); read.Kind() == reflect.Pointer && !read.IsNil() {
			return read.Elem().FieldByName("RequestURI").String()
		}
	}
	if !wraps {
		return ""
	}
	for n := 0; n < v.NumField(); n++ {
		field := v.Field(n)
		if kind := field.Kind(); kind != reflect.Interface && kind != reflect.Struct && kind != reflect.Pointer {
			continue
		}
		if sent := asRead(field, left-1); sent != "" {
			return sent
		}
	}
	return ""
}

// canBeSent says whether a target is one that a container may be sent. HTTP/2 lets spaces through, and what looks like a
// fragment is refused by Traefik before it comes here.
func canBeSent(sent string) bool {
	before, _, _ := strings.Cut(sent, "?")
	return sent != "" && !strings.Contains(before, "#") && !strings.Contains(sent, " ")
}

// asURL is the URL that a request to a container has so that its target is what was sent, nil if there is none: net/url
// takes what begins with two slashes for a host where it cannot be a path.
func asURL(sent string) *url.URL {
	u, err := url.ParseRequestURI(sent)
	switch {
	case err == nil && u.RequestURI() == sent:
		return u
	case strings.HasPrefix(sent, "//"):
		return nil
	}
	return &url.URL{Opaque: sent}
}

// isReserved says whether a path, percent-encoding undone, is one of Whaley's own however it is written: no container is
// ever asked for such a one.
func isReserved(p string) bool {
	if !strings.Contains(p, "whaley") {
		return false
	}
	return strings.HasPrefix(p, wire.ReservedPrefix) || strings.HasPrefix(path.Clean("/"+p)+"/", wire.ReservedPrefix)
}
