package whaley

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

// Whaley's cookies; on https with the prefix that keeps other hosts from setting them.
const (
	ticketCookie = "whaley"
	nonceCookie  = "whaley_nonce"
	speechCookie = "whaley_language" // the dashboard's, for all hosts of its domain: the language chosen there by hand
	hostPrefix   = "__Host-"

	ticketAge = 30 * 24 * 3600 // seconds that a browser keeps a ticket: longer than it counts, so that it can be renewed

	maxAttributes = 32 // of a cookie that a container sets; there are a dozen
)

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

func (h *Handler) cookieName(name string) string {
	if h.secure {
		return hostPrefix + name
	}
	return name
}

// ours says whether a cookie's name is one of Whaley's, on http or on https.
func ours(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.TrimPrefix(name, strings.ToLower(hostPrefix))
	return name == ticketCookie || name == nonceCookie || name == speechCookie
}

func (h *Handler) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: h.cookieName(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode,
	})
}

// nonce is the browser's half of a sign-in under way, empty if there is none. Several tabs share one.
func (h *Handler) nonce(r *http.Request) string {
	c, err := r.Cookie(h.cookieName(nonceCookie))
	if err != nil || !nonceForm.MatchString(c.Value) {
		return ""
	}
	return c.Value
}

// space is whatever some parser of cookies takes off a name's ends.
const space = `[\s\v\x{85}\pZ]`

// ourCookie finds Whaley's cookies in a line of them, on http and on https.
var ourCookie = regexp.MustCompile(`(?i)(?:^|;)` + space + `*(?:` + hostPrefix + `)?(?:` + ticketCookie + `|` +
	nonceCookie + `|` + speechCookie + `)` + space + `*=[^;]*`)

// stripCookies removes Whaley's cookies from what a container gets, and leaves all others as they were sent.
func stripCookies(header http.Header) {
	lines := header["Cookie"]
	if len(lines) == 0 || !strings.Contains(strings.ToLower(strings.Join(lines, ";")), ticketCookie) {
		return
	}
	var kept []string
	for _, line := range lines {
		if line = strings.TrimLeft(ourCookie.ReplaceAllString(line, ""), "; \t"); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		header.Del("Cookie")
		return
	}
	header["Cookie"] = kept
}

// filterSetCookie drops of the header of that name what a container must not set: Whaley's names, cookies for more than
// its own host, and nameless ones, whose value a browser sends as if it were a name and a value.
func filterSetCookie(header http.Header, name, host string) {
	lines := header[name]
	if len(lines) == 0 {
		return
	}
	if len(lines) > maxAnswerCookies {
		lines = lines[:maxAnswerCookies]
	}
	var kept []string
	for _, line := range lines {
		if mayBeSet(line, host) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(header, name)
		return
	}
	header[name] = kept
}

func mayBeSet(line, host string) bool {
	if strings.Count(line, ";") > maxAttributes {
		return false
	}
	parts := strings.Split(line, ";")
	at := strings.IndexByte(parts[0], '=')
	if at < 0 || strings.TrimSpace(parts[0][:at]) == "" || ours(parts[0][:at]) {
		return false
	}
	for _, attribute := range parts[1:] {
		name := attribute
		value := ""
		if at := strings.IndexByte(attribute, '='); at >= 0 {
			name = attribute[:at]
			value = attribute[at+1:]
		}
		if strings.EqualFold(strings.TrimSpace(name), "domain") {
			domain := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(value)), ".")
			if domain != "" && domain != host {
				return false
			}
		}
	}
	return true
}

// random is 128 bits as base64url.
func random() string {
	bits := make([]byte, 16)
	_, _ = rand.Read(bits) // never fails on the systems Traefik runs on; Go ends the process if it does
	return base64.RawURLEncoding.EncodeToString(bits)
}
