// Package peer says which address a request really comes from. It is interpreted by Yaegi.
package peer

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParsePrefixes reads addresses and networks, such as 10.0.0.1 or 192.168.0.0/16.
func ParsePrefixes(texts []string) ([]netip.Prefix, error) {
	prefixes := []netip.Prefix{}
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network like 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// maxHops is how many proxies one behind the other are believed.
const maxHops = 32

// Address is the right-most address that is not a trusted proxy's, out of X-Forwarded-For (all lines of it, in order)
// and the connection itself. A header that comes from a stranger counts for nothing, nor does what stands left of
// something that is no address, nor what is more than maxHops away. Without any valid address it is the zero Addr.
func Address(remote string, forwardedFor []string, trusted []netip.Prefix) netip.Addr {
	address, _ := split(remote, strings.Split(strings.Join(forwardedFor, ","), ","), trusted)
	return address
}

// Sent is what of X-Forwarded-For, in one line, the client itself has sent: all that stands left of its address, which
// the proxies that are trusted have added. It returns false if that is nothing at all.
func Sent(remote string, forwardedFor []string, trusted []netip.Prefix) (string, bool) {
	if len(forwardedFor) == 0 {
		return "", false
	}
	hops := strings.Split(strings.Join(forwardedFor, ", "), ",")
	_, left := split(remote, hops, trusted)
	return strings.TrimSpace(strings.Join(hops[:left], ",")), left > 0
}

// split says which address is the client's, and how many hops stand left of it.
func split(remote string, hops []string, trusted []netip.Prefix) (netip.Addr, int) {
	address := parse(remote)
	left := len(hops)
	for left > 0 && len(hops)-left < maxHops && contains(trusted, address) {
		hop := parse(strings.TrimSpace(hops[left-1]))
		if !hop.IsValid() {
			break
		}
		address = hop
		left--
	}
	return address, left
}

// Trusted says whether a connection's other end, an address with or without a port, is one of the prefixes'.
func Trusted(remote string, prefixes []netip.Prefix) bool { return contains(prefixes, parse(remote)) }

func parse(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
