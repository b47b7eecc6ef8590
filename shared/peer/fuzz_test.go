package peer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/peer"
)

// No player becomes another one: a header of a stranger counts for nothing, and what counts stands in it.
func FuzzNoPlayerBecomesAnother(f *testing.F) {
	trusted, err := peer.ParsePrefixes([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("10.0.0.1:80", "1.2.3.4, 10.0.0.2")
	f.Add("1.2.3.4:80", "5.6.7.8")
	f.Add("[::1]:80", "::ffff:1.2.3.4, fe80::1%eth0,, x")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		got := peer.Address(remote, []string{forwarded}, trusted)
		itself := peer.Address(remote, nil, nil)
		if !peer.Trusted(remote, trusted) && got != itself {
			t.Errorf("%q with %q is %s", remote, forwarded, got)
		}
		if got == itself {
			return
		}
		for _, hop := range strings.Split(forwarded, ",") {
			hop = strings.TrimSpace(hop)
			if peer.Address(hop, nil, nil) == got {
				return
			}
		}
		t.Errorf("%q with %q is %s, which is neither", remote, forwarded, got)
	})
}

func FuzzTrustedProxiesAreAddresses(f *testing.F) {
	f.Add("10.0.0.0/8")
	f.Add(" ::1 ")
	f.Fuzz(func(t *testing.T, text string) {
		prefixes, err := peer.ParsePrefixes([]string{text})
		for _, p := range prefixes {
			if err == nil && (!p.IsValid() || p != netip.PrefixFrom(p.Masked().Addr(), p.Bits())) {
				t.Errorf("%q: %s", text, p)
			}
		}
	})
}
