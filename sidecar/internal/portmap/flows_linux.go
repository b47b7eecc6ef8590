package portmap

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

// forgetFlows has the kernel decide anew where datagrams to some ports go that it has led to a service: it remembers for
// every sender, and a flow has no end that it could see. What comes to the host itself goes on doing so: a sender whose
// datagrams were held for an instance is one sender for that, as long as it goes on.
func (t *Table) forgetFlows(all []containers.Forward) {
	ports := map[uint16]bool{}
	for _, f := range all {
		if f.UDP {
			ports[uint16(f.Port)] = true
		}
	}
	if len(ports) == 0 {
		return
	}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, toPorts(ports)); err != nil {
		t.log.Warn("senders of datagrams may go on to where a port led before", "err", err)
	}
}

// toPorts are flows of UDP to some ports that are led elsewhere.
type toPorts map[uint16]bool

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (p toPorts) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	led := !flow.Forward.DstIP.Equal(flow.Reverse.SrcIP) || flow.Forward.DstPort != flow.Reverse.SrcPort
	return flow.Forward.Protocol == unix.IPPROTO_UDP && p[flow.Forward.DstPort] && led
}

// Meant is where a connection that came to the listener was meant to go.
func Meant(conn syscall.Conn, remote net.Addr) (to netip.AddrPort, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return to, err
	}
	from, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return to, err
	}
	failed := raw.Control(func(fd uintptr) {
		if from.Addr().Unmap().Is4() {
			var at *unix.IPv6Mreq // has room for a sockaddr_in
			if at, err = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST); err == nil {
				b := at.Multiaddr
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3]))
			}
			return
		}
		var at *unix.IPv6MTUInfo // begins with a sockaddr_in6
		if at, err = unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, unix.SO_ORIGINAL_DST); err == nil {
			port := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, at.Addr.Port)) // the network's order
			to = netip.AddrPortFrom(netip.AddrFrom16(at.Addr.Addr), port)
		}
	})
	if failed != nil {
		err = failed
	}
	if err != nil {
		return to, fmt.Errorf("ask where a connection was meant to go: %w", err)
	}
	return to, nil
}
