// Package ticket makes and checks tickets: signed proof that whoever shows one may use one instance host. Only the
// sidecar can sign; whoever has the public key can verify without asking. It is interpreted by Yaegi.
package ticket

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// MaxLength is the length in bytes above which a ticket is not even looked at.
const MaxLength = 2048

// domain keeps a ticket's signature from being one of anything else that the same key may sign.
const domain = "whaley ticket v1\x00"

// Reasons why a ticket is not accepted.
var (
	ErrMalformed = errors.New("ticket is malformed")
	ErrForged    = errors.New("ticket has no valid signature")
	ErrExpired   = errors.New("ticket is expired")
	ErrForeign   = errors.New("ticket is for another host")
)

// Claims is what a ticket says.
type Claims struct {
	Host    string `json:"h"` // lower case, without port
	Owner   string `json:"o"`
	Player  string `json:"p"`
	Session string `json:"s,omitempty"` // id of the sign-in that it ends with; empty: it ends with nothing else
	Expires int64  `json:"e"`           // Unix seconds
}

var encoding = base64.RawURLEncoding.Strict()

// Sign makes a ticket: two base64url parts with a dot between, fit for a cookie and for a header.
func Sign(key ed25519.PrivateKey, c Claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signature := ed25519.Sign(key, append([]byte(domain), payload...))
	return encoding.EncodeToString(payload) + "." + encoding.EncodeToString(signature), nil
}

// Begin is what every ticket for a host begins with, since its claims begin with the host.
func Begin(host string) string {
	text := `{"h":"` + host + `"`
	return encoding.EncodeToString([]byte(text[:len(text)/3*3]))
}

// Verify returns the claims of a ticket that one of the keys has signed, for this host, and that is not over. Of one
// that is over it returns them too, with ErrExpired.
func Verify(keys []ed25519.PublicKey, token, host string, now time.Time) (Claims, error) {
	var c Claims
	if len(token) > MaxLength || strings.ContainsAny(token, "\r\n") { // line breaks the decoder would skip: one ticket, many spellings
		return c, ErrMalformed
	}
	at := strings.IndexByte(token, '.')
	if at < 0 {
		return c, ErrMalformed
	}
	payload, err := encoding.DecodeString(token[:at])
	if err != nil {
		return c, ErrMalformed
	}
	signature, err := encoding.DecodeString(token[at+1:])
	if err != nil || len(signature) != ed25519.SignatureSize {
		return c, ErrMalformed
	}
	if !signed(keys, append([]byte(domain), payload...), signature) {
		return c, ErrForged
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, ErrMalformed
	}
	if c.Host != host || c.Owner == "" {
		return Claims{}, ErrForeign
	}
	if now.Unix() >= c.Expires {
		return c, ErrExpired
	}
	return c, nil
}

func signed(keys []ed25519.PublicKey, message, signature []byte) bool {
	for _, key := range keys {
		if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, signature) {
			return true
		}
	}
	return false
}
