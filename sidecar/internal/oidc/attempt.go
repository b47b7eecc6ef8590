package oidc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// AttemptLife is how long a browser has to come back.
const AttemptLife = 10 * time.Minute

const longestAttempt = 4096 // bytes

// Attempt is one sign-in that a browser has begun, and keeps in a cookie.
type Attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Next     string `json:"p"` // where it goes afterwards
	Expires  int64  `json:"e"` // Unix seconds
}

// NewAttempt makes one.
func NewAttempt(next string) Attempt {
	return Attempt{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next,
		Expires: time.Now().Add(AttemptLife).Unix(),
	}
}

// Seal is an attempt as a cookie: another one, or an old one, does not open.
func (a Attempt) Seal(key []byte) string {
	text, err := json.Marshal(a)
	if err != nil {
		return "" // texts can be written as JSON
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + sign(key, body)
}

// Open is the attempt in a cookie, if it was made here and the state that came back is its own.
func Open(key []byte, cookie, state string) (a Attempt, ok bool) {
	body, signature, found := strings.Cut(cookie, ".")
	if !found || len(cookie) > longestAttempt || !hmac.Equal([]byte(signature), []byte(sign(key, body))) {
		return a, false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(text, &a) != nil {
		return Attempt{}, false
	}
	return a, time.Now().Unix() < a.Expires && state != "" && hmac.Equal([]byte(state), []byte(a.State))
}

func sign(key []byte, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("oidc attempt\x00" + body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
