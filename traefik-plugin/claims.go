package whaley

import (
	"io"
	"net/http"
	"strings"
)

const (
	maxNames     = 256 // different headers of a request; a browser sends some twenty
	maxClaimName = 128 // bytes of a header's name; a longer one is nobody's
)

// Headers by which proxies, load balancers, networks for content and sign-in gateways say who asks, from where, for which
// host and by which protocol. A container may believe such a header, so it gets none that a player made up.
//
// claimingWords make any name that holds one such a header: X-Real-Ip, Cf-Connecting-Ipv6, X-Original-Forwarded-For.
// claimingPairs do so as two words in a row: X-Envoy-External-Address, Remote-User, Ssl-Client-Verify.
var (
	claimingWords = set("forwarded ip ipv4 ipv6 clientip socketip remoteip realip userip peerip sourceip srcip whaley " +
		"webauth authentik pomerium vouch")
	claimingPairs = set("remote-addr remote-address remote-host remote-port remote-user remote-email remote-name remote-group remote-groups " +
		"client-addr client-address client-host client-port client-cert client-verify client-dn client-s client-i client-principal " +
		"real-addr real-address real-host peer-addr peer-address peer-host source-addr source-address external-addr external-address " +
		"connecting-addr connecting-address originating-addr originating-address original-host original-proto original-scheme " +
		"auth-request authenticated-user authenticated-email authenticated-groups goog-iap amzn-oidc cf-access tailscale-user admin-key")
)

// usual are the headers that most requests have, and whether they claim something: what claimsOrigin says, at less cost.
var usual = map[string]bool{
	"Accept": false, "Accept-Encoding": false, "Accept-Language": false, "Authorization": false, "Cache-Control": false,
	"Connection": false, "Content-Length": false, "Content-Type": false, "Cookie": false, "Dnt": false,
	"If-Modified-Since": false,
	"If-None-Match":     false, "Origin": false, "Pragma": false, "Priority": false, "Range": false, "Referer": false,
	"Sec-Ch-Ua": false, "Sec-Ch-Ua-Mobile": false, "Sec-Ch-Ua-Platform": false, "Sec-Fetch-Dest": false,
	"Sec-Fetch-Mode": false,
	"Sec-Fetch-Site": false, "Sec-Fetch-User": false, "Te": false, "Upgrade": false, "Upgrade-Insecure-Requests": false,
	"User-Agent": false, "X-Requested-With": false,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Forwarded-Proto": true,
	"X-Forwarded-Server": true, "X-Real-Ip": true, "X-Whaley-Ticket": true,
}

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(words) {
		all[word] = true
	}
	return all
}

// claimsOrigin says whether a header of that name says who a request is from. Servers that make variables of headers do not
// tell - from _, hence neither does this.
func claimsOrigin(name string) bool {
	if len(name) > maxClaimName {
		return false
	}
	before := ""
	for _, word := range strings.Split(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-") {
		if claimingWords[word] || claimingPairs[before+"-"+word] {
			return true
		}
		before = word
	}
	return false
}

// dropClaims takes everything off a request by which it says who it is from. What a container is to believe is set
// afterwards.
func dropClaims(header http.Header) {
	for name := range header {
		drop, known := usual[name]
		if !known {
			drop = claimsOrigin(name)
		}
		if drop {
			delete(header, name)
		}
	}
}

// trailersOnly is the end of a request's body: what came behind it claims as little as a header may.
type trailersOnly struct {
	trailer http.Header
}

// Read implements io.Reader, with nothing to read. Interpreted, its parameter needs a name.
func (t *trailersOnly) Read(_ []byte) (int, error) {
	stripCookies(t.trailer)
	dropClaims(t.trailer)
	return 0, io.EOF
}
