package instancer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
)

var slugEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Slug is the part of an owner's host that cannot be guessed: 13 base32 characters (65 bits) of
// HMAC-SHA256(key, owner, challenge). It never changes as long as the key stays.
func Slug(key []byte, owner, challenge string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("host\x00" + owner + "\x00" + challenge))
	return strings.ToLower(slugEncoding.EncodeToString(mac.Sum(nil)))[:13]
}

// Host is the name of a route of an owner's copy of a challenge. It exists before the first spawn.
func (i *Instancer) Host(challenge string, r Route, owner string) string {
	return host.Join(host.Name{Route: r.Name, Challenge: challenge, Slug: Slug(i.opts.SlugKey, owner, challenge)}, i.opts.BaseDomain)
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
