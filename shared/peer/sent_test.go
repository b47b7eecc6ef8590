package peer_test

import (
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/peer"
)

func TestWhatTheClientSentIsLeftOfWhatProxiesAdd(t *testing.T) {
	trusted, err := peer.ParsePrefixes([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote string
		lines  []string
		want   string
		did    bool
	}{
		{"203.0.113.9:4000", nil, "", false},
		{"203.0.113.9:4000", []string{""}, "", true},
		{"203.0.113.9:4000", []string{"10.0.0.1,  x"}, "10.0.0.1,  x", true},
		{"203.0.113.9:4000", []string{"a", "b,c"}, "a, b,c", true},
		{"10.0.0.1:4000", []string{"203.0.113.9"}, "", false},
		{"10.0.0.1:4000", []string{"127.0.0.1, 203.0.113.9"}, "127.0.0.1", true},
		{"10.0.0.1:4000", []string{"<b>,127.0.0.1", "203.0.113.9, 10.0.0.2"}, "<b>,127.0.0.1", true},
		{"10.0.0.1:4000", []string{"x, 10.0.0.2"}, "x", true},
		{
			"10.0.0.1:4000", []string{strings.Repeat("10.0.0.1,", 40) + "10.0.0.1"}, strings.Repeat("10.0.0.1,", 8) + "10.0.0.1",
			true,
		},
	} {
		if got, did := peer.Sent(c.remote, c.lines, trusted); got != c.want || did != c.did {
			t.Errorf("%s, %q: %q, %v", c.remote, c.lines, got, did)
		}
	}
}
