package subnet

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dumpTries is how often a list of the kernel's is asked for until it does not change meanwhile.
const dumpTries = 10

// dump asks the kernel for a list. If that never stands still, most of it is known.
func dump[T any](list func() ([]T, error)) ([]T, error) {
	var all []T
	var err error
	for range dumpTries {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return all, nil
}

// kernelNeeds are the addresses, routes, gateways, neighbours and open connections of this host, but for those of
// interfaces whose names begin with own.
func kernelNeeds(own string) ([]Need, error) {
	names := interfaces{}
	soft := func(link int) bool { return whaleyBridge.MatchString(names.of(link)) }
	mine := func(link int) bool {
		return link != 0 && (names.of(link) == gone || own != "" && strings.HasPrefix(names.of(link), own))
	}
	var needs []Need
	var failed error
	add := func(prefix netip.Prefix, soft bool, what string, args ...any) {
		needs = append(needs, Need{Prefix: prefix, What: fmt.Sprintf(what, args...), Soft: soft})
	}
	addresses, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	failed = errors.Join(failed, err)
	for _, a := range addresses {
		if ip, ok := netip.AddrFromSlice(a.IP.To4()); ok && !mine(a.LinkIndex) {
			add(single(ip), soft(a.LinkIndex), "this host's address %s (%s)", ip, names.of(a.LinkIndex))
			if a.Peer != nil {
				if peer, ok := netip.AddrFromSlice(a.Peer.IP.To4()); ok && peer != ip {
					add(single(peer), false, "%s at the other end of %s", peer, names.of(a.LinkIndex))
				}
			}
		}
	}
	routes, err := hostRoutes()
	failed = errors.Join(failed, err)
	for _, r := range routes {
		if r.Protocol == routeProtocol { // a guard: ours, or another Whaley's
			if p, ok := destination(r); ok && own != "" {
				add(p, true, "%s, which another Whaley on this host uses, or used", p)
			}
			continue
		}
		if mine(r.LinkIndex) {
			continue
		}
		to, known := destination(r)
		if known && to.Bits() >= leastBits {
			add(to, soft(r.LinkIndex), "the network %s, which this host has a route to", to)
		}
		for _, gateway := range gateways(r) {
			add(single(gateway), false, "the gateway %s of this host's routes", gateway)
		}
	}
	neighbours, err := dump(func() ([]netlink.Neigh, error) { return netlink.NeighList(0, netlink.FAMILY_V4) })
	failed = errors.Join(failed, err)
	for _, n := range neighbours {
		if ip, ok := netip.AddrFromSlice(n.IP.To4()); ok && !mine(n.LinkIndex) &&
			n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE|netlink.NUD_NOARP) == 0 {
			add(single(ip), soft(n.LinkIndex), "this host's neighbour %s (%s)", ip, names.of(n.LinkIndex))
		}
	}
	for _, peer := range connected("/proc/thread-self/net") {
		add(single(peer), true, "%s, which this host has a connection with", peer)
	}
	if failed != nil {
		failed = fmt.Errorf("ask the kernel for what this host reaches: %w", failed)
	}
	return needs, failed
}

// whaleyBridge is what the interfaces of any Whaley's networks are called: their parts are not offered, and they cut
// nothing off.
var whaleyBridge = regexp.MustCompile(`^wh[0-9a-f]{4}-`)

// leastBits is the length from which on a route leads to a network; a shorter one stands for the whole Internet.
const leastBits = 8

// interfaces knows names by index. Each is asked for when it is met: bridges of instances come and go between one list
// and the next, and one that is not known would be taken for a stranger's.
type interfaces map[int]string

// gone is the name of an interface that is no more, and with it whatever it led to.
const gone = ""

func (i interfaces) of(index int) string {
	name, known := i[index]
	if !known {
		if link, err := netlink.LinkByIndex(index); err == nil {
			name = link.Attrs().Name
		}
		i[index] = name
	}
	return name
}

// hostRoutes are the IPv4 routes of all tables.
func hostRoutes() ([]netlink.Route, error) {
	return dump(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(
			netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE,
		)
	})
}

// hostNetworks are what the host's own routes lead to, but for the default route and guards.
func hostNetworks() ([]netip.Prefix, error) {
	routes, err := hostRoutes()
	var networks []netip.Prefix
	for _, r := range routes {
		if to, known := destination(r); known && to.Bits() >= leastBits && r.Protocol != routeProtocol {
			networks = append(networks, to)
		}
	}
	return networks, err
}

// destination is where a route leads; the default route leads nowhere in particular.
func destination(r netlink.Route) (netip.Prefix, bool) {
	if r.Dst == nil {
		return netip.Prefix{}, false
	}
	bits, _ := r.Dst.Mask.Size()
	address, ok := netip.AddrFromSlice(r.Dst.IP.To4())
	return netip.PrefixFrom(address, bits), ok && bits > 0
}

func gateways(r netlink.Route) []netip.Addr {
	hops := []string{r.Gw.String()}
	for _, hop := range r.MultiPath {
		hops = append(hops, hop.Gw.String())
	}
	var all []netip.Addr
	for _, hop := range hops {
		if a, err := netip.ParseAddr(hop); err == nil && a.Is4() {
			all = append(all, a)
		}
	}
	return all
}

// established is how /proc/net/tcp names the state of an open connection.
const established = "01"

// connected are the other ends of open TCP connections: players and organisers who come by the default route are no
// neighbours, and nothing else tells of them.
func connected(proc string) []netip.Addr {
	seen := map[netip.Addr]bool{}
	var all []netip.Addr
	for _, name := range []string{proc + "/tcp", proc + "/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue // without IPv6 there is only one
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 4 || fields[3] != established {
				continue
			}
			if a, ok := remote(fields[2]); ok && a.Is4() && !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
		}
		f.Close()
	}
	return all
}

// remote reads an address as /proc/net/tcp writes it: words of four bytes in the machine's order, in hexadecimal.
func remote(text string) (netip.Addr, bool) {
	text, _, _ = strings.Cut(text, ":")
	bytes, err := hex.DecodeString(text)
	if err != nil || len(bytes)%4 != 0 {
		return netip.Addr{}, false
	}
	for n := 0; n < len(bytes); n += 4 {
		binary.NativeEndian.PutUint32(bytes[n:], binary.BigEndian.Uint32(bytes[n:]))
	}
	a, ok := netip.AddrFromSlice(bytes)
	return a.Unmap(), ok
}
