package instancer

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Host is the name of a route of an owner's copy of a challenge. It exists before the first spawn.
func (i *Instancer) Host(challenge string, r whaley.Route, owner string) string {
	return host.Join(
		host.Name{Route: r.Name, Challenge: challenge, Slug: whaley.Slug(i.opts.SlugKey, owner, challenge)},
		i.opts.BaseDomain,
	)
}

// newID makes <challenge>-<owner, 8>-<8 hex>, which also names the instance's network, containers and routers.
func newID(challenge, owner string) string {
	var short strings.Builder
	for _, c := range strings.ToLower(owner) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			short.WriteRune(c)
		}
	}
	random := make([]byte, 4)
	rand.Read(random)
	name := short.String()
	return challenge + "-" + name[:min(8, len(name))] + "-" + hex.EncodeToString(random)
}

// newWaitingID is one of an instance that is nobody's yet, and looks as all do.
func newWaitingID(challenge string) string {
	random := make([]byte, 4)
	rand.Read(random)
	return newID(challenge, hex.EncodeToString(random))
}
