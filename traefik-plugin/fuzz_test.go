package whaley

import (
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// What a container is sent holds none of our cookies, however they are written, and all others.
func FuzzNoContainerSeesOurCookies(f *testing.F) {
	f.Add("a=b; whaley=secret; c=d", "__Host-whaley_nonce=x")
	f.Add("WHALEY = x;;\twhaley_nonce\t=y", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		header := http.Header{"Cookie": {one, two}}
		stripCookies(header)
		for _, c := range (&http.Request{Header: header}).Cookies() {
			if ours(c.Name) && c.Value != "" { // a bare name says nothing
				t.Errorf("%q and %q: %q is left", one, two, c.Name)
			}
		}
		for _, line := range header["Cookie"] {
			for _, part := range strings.Split(line, ";") {
				if at := strings.IndexByte(part, '='); at >= 0 && ours(textproto.TrimString(part[:at])) {
					t.Errorf("%q and %q: %q is left", one, two, part)
				}
			}
		}
	})
}

// What a container sets is for its own host, has a name, and that is none of ours.
func FuzzNoContainerSetsWhatIsNotItsOwn(f *testing.F) {
	const host = "web-abcdefghijklm.instances.localhost"
	f.Add("a=b; Path=/; Domain=instances.localhost")
	f.Add("whaley=x")
	f.Add("a=b; domain = ." + host)
	f.Add("=whaley=x")
	f.Fuzz(func(t *testing.T, line string) {
		header := http.Header{"Set-Cookie": {line}}
		filterSetCookie(header, "Set-Cookie", host)
		for _, c := range (&http.Response{Header: header}).Cookies() {
			domain := strings.TrimPrefix(strings.ToLower(c.Domain), ".")
			if ours(c.Name) || c.Name == "" || domain != "" && domain != host {
				t.Errorf("%q sets %+v", line, c)
			}
		}
	})
}

// What claims to say who asks never reaches a container, in whatever case and however it is spelled.
func FuzzNoContainerIsToldWhoAsks(f *testing.F) {
	f.Add("x-forwarded-for")
	f.Add("X_Real-IP")
	f.Fuzz(func(t *testing.T, name string) {
		header := http.Header{name: {"1.2.3.4"}}
		dropClaims(header)
		for left := range header {
			if claimsOrigin(left) {
				t.Errorf("%q is left", left)
			}
		}
	})
}
