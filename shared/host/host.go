// Package host is the codec of instance host names: <route>--<challenge>-<slug>.<base domain>, without the first part
// for a challenge's first route. It does no I/O and is interpreted by Yaegi.
package host

import (
	"regexp"
	"strings"
)

// SlugLength is the number of base32 characters of a slug.
const SlugLength = 13

// Name is what a host name is made of.
type Name struct {
	Route     string // empty for a challenge's first route
	Challenge string
	Slug      string
}

// A route and a challenge of these lengths, the slug and the separators fit into the 63 bytes of a DNS label.
var (
	challengeForm = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
	routeForm     = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
	slugForm      = regexp.MustCompile(`^[a-z2-7]{13}$`)
)

const (
	maxChallenge = 40
	maxRoute     = 20
	maxLabel     = 63
)

// ValidChallenge says whether an id can stand in a host name: [a-z0-9-], at most 40, no hyphen at either end and no
// two in a row.
func ValidChallenge(id string) bool { return len(id) <= maxChallenge && challengeForm.MatchString(id) }

// ValidRoute says the same of a route's name, of at most 20.
func ValidRoute(name string) bool { return len(name) <= maxRoute && routeForm.MatchString(name) }

// Fits says whether a route of a challenge makes a label that DNS allows (63 bytes).
func Fits(route, challenge string) bool {
	length := len(challenge) + 1 + SlugLength
	if route != "" {
		length += len(route) + 2
	}
	return length <= maxLabel
}

// Join is the host name of n under the base domain.
func Join(n Name, base string) string {
	label := n.Challenge + "-" + n.Slug
	if n.Route != "" {
		label = n.Route + "--" + label
	}
	return label + "." + base
}

// Parse takes a Host header apart, with or without a port, in any case, with or without the trailing dot. It is the
// exact inverse of Join: a host that Join cannot have made is refused.
func Parse(host, base string) (Name, bool) {
	host = Clean(host)
	if base == "" || !strings.HasSuffix(host, "."+base) {
		return Name{}, false
	}
	label := strings.TrimSuffix(host, "."+base)
	if len(label) > maxLabel {
		return Name{}, false
	}
	var n Name
	if at := strings.Index(label, "--"); at >= 0 {
		n.Route = label[:at]
		label = label[at+2:]
		if !ValidRoute(n.Route) {
			return Name{}, false
		}
	}
	at := strings.LastIndexByte(label, '-')
	if at < 0 {
		return Name{}, false
	}
	n.Challenge = label[:at]
	n.Slug = label[at+1:]
	if !ValidChallenge(n.Challenge) || !slugForm.MatchString(n.Slug) {
		return Name{}, false
	}
	return n, true
}

// Clean is a Host header in the form that all comparisons use: lower case, no port, no trailing dot.
func Clean(host string) string {
	if at := strings.LastIndexByte(host, ':'); at >= 0 && !strings.Contains(host[at:], "]") {
		host = host[:at]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
