package oidc

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var ofPlayer = regexp.MustCompile(`^(user|team)_o[0-9a-f]{20}$`)

// FuzzAttempt shows cookies that nobody made: none is an attempt, however one that was made is changed.
func FuzzAttempt(f *testing.F) {
	key := []byte("a key of sessions")
	// The same in every process of the fuzzer: each seals one of its own, and what the others have sealed is real.
	made := Attempt{State: "state", Nonce: "nonce", Verifier: "verifier", Next: "/challenges", Expires: 1 << 40}
	sealed := made.Seal(key)
	if got, ok := Open(key, sealed, made.State); !ok || got != made {
		f.Fatalf("what was made does not open: %+v", got)
	}
	f.Add(sealed+"x", made.State)
	f.Add(sealed, "another state")
	f.Add(strings.Replace(sealed, ".", "..", 1), made.State)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, cookie, state string) {
		if _, ok := Open(key, cookie, state); ok && (cookie != sealed || state != made.State) {
			t.Errorf("%q opens with %q", cookie, state)
		}
	})
}

// FuzzClaims has a provider say anything of somebody: who they are has one shape, and names can be shown.
func FuzzClaims(f *testing.F) {
	f.Add("subject", `{"preferred_username":"ada","team":"red"}`)
	f.Add("", `{"preferred_username":["one","two"],"team":["red"]}`)
	f.Add("\xff\x00", `{"preferred_username":7,"team":{"a":1},"name":"\u202e\u0000"}`)
	p := New(Options{NameClaim: "preferred_username", TeamClaim: "team"})
	f.Fuzz(func(t *testing.T, subject, text string) {
		claims := map[string]any{}
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		made, err := p.player("https://id.example", subject, claims)
		if err != nil {
			return
		}
		if !ofPlayer.MatchString(made.ID) || !ofPlayer.MatchString(made.Owner.ID) || made.ID == made.Owner.ID {
			t.Errorf("%+v", made)
		}
		for _, name := range []string{made.Name, made.Owner.Name} {
			if !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestName || strings.ContainsAny(name, "\x00\n\r\x1b") {
				t.Errorf("%q", name)
			}
		}
	})
}
