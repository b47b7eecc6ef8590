package subnet_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

func TestEverythingThatAHostNeedsIsFound(t *testing.T) {
	testkit.Need(t, testkit.Root)
	root := t.TempDir()
	for name, text := range map[string]string{
		"/etc/resolv.conf":                              "# made by hand\nnameserver 127.0.0.53\nnameserver 10.198.1.1\noptions edns0\n",
		"/run/systemd/resolve/resolv.conf":              "nameserver 10.198.1.2\nnameserver fe80::1\n",
		"/etc/chrony/chrony.conf":                       "pool 10.198.1.3 iburst\n! server 10.198.9.9\n",
		"/etc/systemd/timesyncd.conf.d/campus.conf":     "[Time]\nNTP=10.198.1.4 10.198.1.5\n",
		"/etc/ntpsec/ntp.conf":                          "server 10.198.1.6\n",
		"/run/NetworkManager/no-stub-resolv.conf":       "nameserver 10.198.1.7\n",
		"/etc/chrony/sources.d/dhcp.sources":            "server 10.198.1.8 iburst\n",
		"/etc/systemd/timesyncd.conf.d/other.conf.save": "[Time]\nNTP=10.198.9.8\n",
	} {
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "whneedtest"}, PeerName: "whneedtest1"}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(link) })
	address, err := netlink.ParseAddr("10.198.2.1/30")
	if err != nil {
		t.Fatal(err)
	}
	_, far, err := net.ParseCIDR("10.198.4.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return netlink.AddrAdd(link, address) }, func() error { return netlink.LinkSetUp(link) },
		func() error {
			return netlink.RouteAdd(&netlink.Route{
				Dst: far, Gw: net.ParseIP("10.198.2.2"), LinkIndex: link.Attrs().Index, Table: 4711,
			})
		},
		func() error {
			return netlink.NeighAdd(&netlink.Neigh{
				IP: net.ParseIP("10.198.2.3"), LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
				HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1},
			})
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := subnet.Look(t.Context(), subnet.Sources{
		Root: root, Bridges: "whffff-", Trusted: []netip.Prefix{netip.MustParsePrefix("10.198.5.0/24")},
		Servers: []subnet.Server{
			{Setting: "DATABASE_URL", Host: "10.198.6.1"}, {Setting: "CTFD_URL", Host: "[::1]"}, {Setting: "REDIS_URL"},
		},
		Networks: []subnet.Network{{Name: "mine", Prefix: netip.MustParsePrefix("10.198.7.0/24"), Ours: true},
			{Name: "compose_default", Prefix: netip.MustParsePrefix("10.198.8.0/24")}},
	})
	if err != nil {
		t.Error(err)
	}
	var found []string
	for _, n := range subnet.Held(netip.MustParsePrefix("10.198.0.0/16"), all) {
		if !n.Soft {
			found = append(found, n.Prefix.String())
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	want := []string{
		"10.198.1.1/32", "10.198.1.2/32", "10.198.1.3/32", "10.198.1.4/32", "10.198.1.5/32", "10.198.1.6/32", "10.198.1.7/32",
		"10.198.1.8/32", "10.198.2.0/30", "10.198.2.1/32", "10.198.2.2/32", "10.198.2.3/32", "10.198.2.3/32", "10.198.4.0/24",
		"10.198.5.0/24", "10.198.6.1/32", "10.198.8.0/24",
	}
	if want = slices.Compact(want); !slices.Equal(found, want) {
		t.Errorf("found\n%s\ninstead of\n%s", strings.Join(found, " "), strings.Join(want, " "))
	}
	held := subnet.Held(netip.MustParsePrefix("10.198.1.0/28"), all)
	if len(held) == 0 || held[0].What != "this host's name server 10.198.1.1 (/etc/resolv.conf)" {
		t.Errorf("%v", held)
	}
}
