package whaley

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

var slugEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Slug is the part of an owner's host that cannot be guessed: 13 base32 characters (65 bits) of
// HMAC-SHA256(key, owner, challenge). It never changes as long as the key stays.
func Slug(key []byte, owner, challenge string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("host\x00" + owner + "\x00" + challenge))
	return strings.ToLower(slugEncoding.EncodeToString(mac.Sum(nil)))[:13]
}
