package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func keys(t testing.TB, fill byte) identity.Keys {
	t.Helper()
	k, err := identity.Derive(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func tickets(t testing.TB) *identity.Tickets {
	t.Helper()
	s, err := store.Open(context.Background(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	made, err := identity.NewTickets(keys(t, 1), s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

var alice = whaley.Player{ID: "user_a", Owner: whaley.Owner{ID: "user_a"}}

const (
	host  = "web-abcdefghijklm.instances.localhost"
	nonce = "a nonce of the browser"
)

func TestACodeGivesOneTicketForItsHost(t *testing.T) {
	made := tickets(t)
	code, err := made.Code(alice, host, nonce)
	if err != nil {
		t.Fatal(err)
	}
	other := "A"
	if code[0] == 'A' {
		other = "B"
	}
	for what, c := range map[string][3]string{
		"another host":  {code, "pwn-abcdefghijklm.instances.localhost", nonce},
		"another nonce": {code, host, "other"},
		"no nonce":      {code, host, ""},
		"changed":       {other + code[1:], host, nonce},
		"cut off":       {code[:len(code)-2], host, nonce},
		"empty":         {"", host, nonce},
	} {
		if _, _, err := made.Redeem(context.Background(), c[0], c[1], c[2]); whaley.CodeOf(err) != "code_refused" {
			t.Errorf("%s: %v", what, err)
		}
	}
	signed, expires, err := made.Redeem(context.Background(), code, host, nonce)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(expires); left < 11*time.Hour || left > 12*time.Hour {
		t.Errorf("good for %s", left)
	}
	public, err := base64.RawURLEncoding.DecodeString(made.PublicKeys()[0])
	if err != nil {
		t.Fatal(err)
	}
	claims, err := ticket.Verify([]ed25519.PublicKey{public}, signed, host, time.Now())
	if err != nil || claims.Owner != "user_a" || claims.Player != "user_a" {
		t.Errorf("%+v %v", claims, err)
	}
	if _, _, err := made.Redeem(context.Background(), code, host, nonce); whaley.CodeOf(err) != "code_refused" {
		t.Errorf("a second time: %v", err)
	}
}

func TestAnAddressIsAlwaysTheSamePlayerAndNobodyElse(t *testing.T) {
	k := keys(t, 1)
	at := func(text string) whaley.Player { return k.ByAddress(netip.MustParseAddr(text)) }
	if a, b := at("192.0.2.1"), at("::ffff:192.0.2.1"); a.ID != b.ID {
		t.Errorf("%s and %s", a.ID, b.ID)
	}
	if a, b := at("2001:db8::1"), at("2001:db8::2"); a.ID != b.ID {
		t.Error("two addresses of one IPv6 network are two players")
	}
	if a, b := at("2001:db8::1"), at("2001:db8:0:1::1"); a.ID == b.ID {
		t.Error("two IPv6 networks are one player")
	}
	if a, b := at("192.0.2.1"), at("192.0.2.2"); a.ID == b.ID || !a.Known() {
		t.Errorf("%+v %+v", a, b)
	}
	if other := keys(t, 2).ByAddress(netip.MustParseAddr("192.0.2.1")); other.ID == at("192.0.2.1").ID {
		t.Error("ids can be computed without the secret")
	}
	if k.ByAddress(netip.Addr{}).Known() {
		t.Error("no address is somebody")
	}
}

func TestABrowserAndCurlOnThisComputerAreOnePlayer(t *testing.T) {
	k := keys(t, 1)
	at := func(text string) whaley.Player { return k.ByAddress(netip.MustParseAddr(text)) }
	const before = "user_c1a37cc1f16c" // of 127.0.0.1 when each address was a player of its own: flags and instances stay
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "::1%lo"} {
		p := at(text)
		if p.ID != before || p.Owner.ID != before || p.Name != "This computer" || p.Owner.Name != p.Name {
			t.Errorf("%s is %+v", text, p)
		}
	}
	if p := at("::1"); p.Address != "::1" {
		t.Errorf("the log is told %s", p.Address)
	}
	for _, text := range []string{"127.0.0.2", "127.0.1.1", "::2", "::", "10.0.0.1"} {
		if p := at(text); p.ID == before || p.Name == "This computer" {
			t.Errorf("%s is %+v", text, p)
		}
	}
}

func TestTheSecretIsMadeOnceWhoeverStarts(t *testing.T) {
	dir := t.TempDir()
	secrets := make([][]byte, 8)
	var all sync.WaitGroup
	for n := range secrets {
		all.Go(func() {
			var err error
			if secrets[n], err = identity.SecretIn(dir); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, s := range secrets {
		if !bytes.Equal(s, secrets[0]) || len(s) != 32 {
			t.Fatalf("%x and %x", s, secrets[0])
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "secret")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.SecretIn(dir); err == nil {
		t.Error("a damaged secret is taken")
	}
}

func FuzzRedeemTakesNothingThatWasNotMade(f *testing.F) {
	made := tickets(f)
	code, _ := made.Code(alice, host, nonce)
	f.Add(code[:20])
	f.Fuzz(func(t *testing.T, sealed string) {
		if _, _, err := made.Redeem(context.Background(), sealed, host, nonce); err == nil && sealed != code {
			t.Errorf("took %q", sealed)
		}
	})
}
