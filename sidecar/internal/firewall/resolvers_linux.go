package firewall

import (
	"bufio"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// resolvFiles are where the engine looks for its name servers: the second is systemd's, behind its own on loopback.
var resolvFiles = []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}

// resolvers are name servers of the host in ranges that are closed: the engine asks them from inside the network of an
// instance. Those on loopback it asks itself.
func resolvers() []netip.Addr {
	var all []netip.Addr
	for _, name := range resolvFiles {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) < 2 || fields[0] != "nameserver" {
				continue
			}
			a, err := netip.ParseAddr(fields[1])
			if err == nil && a.Is4() && !a.IsLoopback() && !slices.Contains(all, a) &&
				slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(a) }) {
				all = append(all, a)
			}
		}
		f.Close()
	}
	return all
}
