package peer_test

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/peer"
)

func TestTheRightMostUntrustedAddressCounts(t *testing.T) {
	for _, c := range []struct{ remote, forwarded, trusted, want string }{
		{"203.0.113.9:4000", "", "", "203.0.113.9"},
		{"203.0.113.9:4000", "198.51.100.1", "", "203.0.113.9"},
		{"203.0.113.9:4000", "198.51.100.1", "10.0.0.0/8", "203.0.113.9"},
		{"10.0.0.1:4000", "198.51.100.1", "10.0.0.0/8", "198.51.100.1"},
		{"10.0.0.1:4000", "1.2.3.4, 198.51.100.1", "10.0.0.0/8", "198.51.100.1"},
		{"10.0.0.1:4000", "1.2.3.4, 198.51.100.1, 10.9.9.9", "10.0.0.0/8", "198.51.100.1"},
		{"10.0.0.1:4000", "1.2.3.4, garbage, 10.9.9.9", "10.0.0.0/8", "10.9.9.9"},
		{"10.0.0.1:4000", "", "10.0.0.0/8", "10.0.0.1"},
		{"10.0.0.1:4000", "10.0.0.2", "10.0.0.0/8", "10.0.0.2"},
		{"[::1]:4000", "2001:db8::7", "::1", "2001:db8::7"},
		{"[::ffff:10.0.0.1]:4000", "198.51.100.1:555", "10.0.0.1", "198.51.100.1"},
		{"[fe80::1%eth0]:4000", "", "", "fe80::1"},
		{"unix", "198.51.100.1", "10.0.0.0/8", "invalid IP"},
	} {
		trusted, err := peer.ParsePrefixes(strings.Split(c.trusted, ","))
		if err != nil {
			t.Fatal(err)
		}
		if got := peer.Address(c.remote, []string{c.forwarded}, trusted).String(); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestSeveralHeaderLinesAreOneList(t *testing.T) {
	trusted, err := peer.ParsePrefixes([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	if got := peer.Address("10.0.0.1:1", []string{"1.1.1.1", "2.2.2.2"}, trusted).String(); got != "2.2.2.2" {
		t.Errorf("got %s", got)
	}
}

func TestBadNetworksAreNamed(t *testing.T) {
	if _, err := peer.ParsePrefixes([]string{"10.0.0.0/8", "lan"}); err == nil || !strings.Contains(err.Error(), `"lan"`) {
		t.Errorf("got %v", err)
	}
}

func TestAChainOfProxiesIsFollowedOnlySoFar(t *testing.T) {
	trusted, err := peer.ParsePrefixes([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	chain := func(hops int) []string { return []string{"198.51.100.1" + strings.Repeat(", 10.0.0.2", hops)} }
	if got := peer.Address("10.0.0.1:1", chain(10), trusted).String(); got != "198.51.100.1" {
		t.Errorf("behind ten proxies: %s", got)
	}
	if got := peer.Address("10.0.0.1:1", chain(3000), trusted).String(); got != "10.0.0.2" {
		t.Errorf("behind three thousand: %s", got)
	}
}
