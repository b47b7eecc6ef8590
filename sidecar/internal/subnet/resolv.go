package subnet

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// resolvFiles are where a host's name servers stand; those after the first are behind a resolver on loopback.
var resolvFiles = []string{
	"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf",
	"/run/NetworkManager/no-stub-resolv.conf", "/run/dnsmasq/resolv.conf", "/run/resolvconf/resolv.conf",
}

// nameServers are all that any of the files names.
func nameServers(root string) []Need {
	var needs []Need
	for _, name := range resolvFiles {
		for _, fields := range lines(root + name) {
			if len(fields) < 2 || fields[0] != "nameserver" {
				continue
			}
			if a, err := netip.ParseAddr(fields[1]); err == nil {
				needs = append(needs, Need{Prefix: single(a), What: fmt.Sprintf("this host's name server %s (%s)", a, name)})
			}
		}
	}
	return needs
}

// timeFiles say where a host has the time from: those of chrony and ntpd by lines as "server time.example.org iburst",
// those of systemd by "NTP=time.example.org 192.0.2.1".
var timeFiles = []string{
	"/etc/chrony.conf", "/etc/chrony/chrony.conf", "/etc/chrony/conf.d/*.conf", "/etc/chrony/sources.d/*.sources",
	"/etc/chrony.d/*.conf",
	"/run/chrony-dhcp/*.sources", "/etc/ntp.conf", "/etc/ntpsec/ntp.conf",
	"/etc/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf.d/*.conf", "/run/systemd/timesyncd.conf.d/*.conf",
}

func timeServers(root string) []Server {
	var servers []Server
	for _, pattern := range timeFiles {
		names, _ := filepath.Glob(root + pattern) // the patterns are right
		for _, name := range names {
			for _, fields := range lines(name) {
				var hosts []string
				key, first, systemd := strings.Cut(fields[0], "=")
				switch {
				case systemd && (key == "NTP" || key == "FallbackNTP"):
					hosts = append([]string{first}, fields[1:]...)
				case len(fields) > 1 && (fields[0] == "server" || fields[0] == "pool" || fields[0] == "peer"):
					hosts = fields[1:2]
				}
				for _, host := range hosts {
					servers = append(
						servers, Server{Setting: "this host's clock (" + strings.TrimPrefix(name, root) + ")", Host: host},
					)
				}
			}
		}
	}
	return servers
}

// lines are the fields of a file's lines that are neither empty nor comments; a file that is not there has none.
func lines(name string) [][]string {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all [][]string
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if fields := strings.Fields(scan.Text()); len(fields) > 0 && !strings.ContainsAny(fields[0][:1], "#;!%") {
			all = append(all, fields)
		}
	}
	return all
}
