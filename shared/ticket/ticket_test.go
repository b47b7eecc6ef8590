package ticket_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
)

var (
	now     = time.Unix(1_800_000_000, 0)
	key     = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	other   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	claims  = ticket.Claims{Host: "web-abcdefghijklm.x", Owner: "user_1", Player: "user_1", Expires: now.Unix() + 60}
	publics = []ed25519.PublicKey{public(other), public(key)}
)

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func sign(t testing.TB, k ed25519.PrivateKey, c ticket.Claims) string {
	t.Helper()
	token, err := ticket.Sign(k, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATicketSaysWhatWasSigned(t *testing.T) {
	got, err := ticket.Verify(publics, sign(t, key, claims), claims.Host, now)
	if err != nil || got != claims {
		t.Errorf("got %+v %v", got, err)
	}
}

func TestTicketsThatAreNotGoodHereAreRefused(t *testing.T) {
	good := sign(t, key, claims)
	ownerless := claims
	ownerless.Owner = ""
	third := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	for what, c := range map[string]struct {
		token, host string
		at          time.Time
		want        error
	}{
		"empty":          {"", claims.Host, now, ticket.ErrMalformed},
		"no dot":         {"aaaa", claims.Host, now, ticket.ErrMalformed},
		"no base64":      {"!.!", claims.Host, now, ticket.ErrMalformed},
		"truncated":      {good[:len(good)-4], claims.Host, now, ticket.ErrMalformed},
		"too long":       {good + strings.Repeat("A", 4096), claims.Host, now, ticket.ErrMalformed},
		"changed":        {"A" + good[1:], claims.Host, now, ticket.ErrForged},
		"unknown key":    {sign(t, third, claims), claims.Host, now, ticket.ErrForged},
		"another host":   {good, "pwn-abcdefghijklm.x", now, ticket.ErrForeign},
		"of nobody":      {sign(t, key, ownerless), claims.Host, now, ticket.ErrForeign},
		"expired":        {good, claims.Host, now.Add(time.Minute), ticket.ErrExpired},
		"plain payload":  {strings.Split(good, ".")[0] + ".", claims.Host, now, ticket.ErrMalformed},
		"other domain":   {foreign(claims.Host), claims.Host, now, ticket.ErrForged},
		"three segments": {good + ".x", claims.Host, now, ticket.ErrMalformed},
	} {
		if _, err := ticket.Verify(publics, c.token, c.host, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if _, err := ticket.Verify(nil, good, claims.Host, now); !errors.Is(err, ticket.ErrForged) {
		t.Errorf("without keys: %v", err)
	}
	if _, err := ticket.Verify([]ed25519.PublicKey{{1, 2}}, good, claims.Host, now); !errors.Is(err, ticket.ErrForged) {
		t.Errorf("with a short key: %v", err)
	}
}

// foreign is signed with the right key over the bare payload, as another protocol might.
func foreign(host string) string {
	payload := `{"h":"` + host + `","o":"user_1","p":"","e":9999999999}`
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(payload)) + "." + e(ed25519.Sign(key, []byte(payload)))
}

func FuzzVerifyNeverAcceptsWhatWasNotSigned(f *testing.F) {
	f.Add(sign(f, key, claims))
	f.Add("a.b")
	good := sign(f, key, claims)
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := ticket.Verify(publics, token, claims.Host, now); err == nil && token != good {
			t.Errorf("accepted %q", token)
		}
	})
}

func TestEveryTicketBeginsWithItsHost(t *testing.T) {
	for n := 0; n < 40; n++ {
		c := claims
		c.Host = strings.Repeat("h", n+1) + ".instances.localhost"
		token := sign(t, key, c)
		if begin := ticket.Begin(c.Host); !strings.HasPrefix(token, begin) ||
			strings.HasPrefix(token, ticket.Begin("g"+c.Host)) || len(begin) < len(c.Host) {
			t.Errorf("%s does not begin with %s", token, begin)
		}
	}
}
