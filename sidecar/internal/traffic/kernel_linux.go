package traffic

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// established is the kernel's number for a connection of TCP that both ends have opened and none has closed.
const established = 3

// Kernel is this machine's, in the network namespace of this process.
type Kernel struct{}

// Of counts what came into sets of networks from outside, and the connections that each has with what is outside of it.
// A set of which a bridge is not found is left out: it is another machine's.
func (Kernel) Of(_ context.Context, networks map[string][]netip.Prefix) (map[string]whaley.Traffic, error) {
	here, err := bridges()
	if err != nil {
		return nil, err
	}
	seen := map[string]whaley.Traffic{}
	owner, hosts := map[netip.Prefix]string{}, map[netip.Addr]bool{}
	for key, subnets := range networks {
		var sum uint64
		all := len(subnets) > 0
		for _, subnet := range subnets {
			b, there := here[subnet.Masked()]
			sum, all = sum+b.sent, all && there
			owner[subnet.Masked()], hosts[b.address] = key, true
		}
		if all {
			seen[key] = whaley.Traffic{Bytes: sum}
		}
	}
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list the kernel's connections: %w", err)
	}
	of := byAddress(owner, hosts)
	for _, flow := range flows {
		from, to := of(flow.Forward.SrcIP), of(flow.Reverse.SrcIP)
		if from == to || !isHeld(flow) {
			continue
		}
		for _, key := range []string{from, to} {
			if t, known := seen[key]; known {
				t.Held++
				seen[key] = t
			}
		}
	}
	return seen, nil
}

func isHeld(flow *netlink.ConntrackFlow) bool {
	tcp, is := flow.ProtoInfo.(*netlink.ProtoInfoTCP)
	return is && flow.Forward.Protocol == unix.IPPROTO_TCP && tcp.State == established
}

// bridge is what the host has of a network.
type bridge struct {
	address netip.Addr // its own
	sent    uint64     // bytes that it sent into it: what containers of one network send to each other does not pass it
}

// bridges are the host's, by their networks.
func bridges() (map[netip.Prefix]bridge, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list this machine's bridges: %w", err)
	}
	sent := map[int]uint64{}
	for _, link := range links {
		if s := link.Attrs().Statistics; link.Type() == "bridge" && s != nil {
			sent[link.Attrs().Index] = s.TxBytes
		}
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list this machine's addresses: %w", err)
	}
	all := map[netip.Prefix]bridge{}
	for _, a := range addresses {
		n, is := sent[a.LinkIndex]
		at, ok := netip.AddrFromSlice(a.IP.To4())
		if ones, _ := a.Mask.Size(); is && ok {
			all[netip.PrefixFrom(at, ones).Masked()] = bridge{at, n}
		}
	}
	return all, nil
}

// byAddress finds whose an address is; empty: it is none of these, or the host's own there.
func byAddress(owner map[netip.Prefix]string, hosts map[netip.Addr]bool) func(ip []byte) string {
	lengths := map[int]bool{}
	for subnet := range owner {
		lengths[subnet.Bits()] = true
	}
	return func(ip []byte) string {
		at, ok := netip.AddrFromSlice(ip)
		if at = at.Unmap(); !ok || hosts[at] {
			return ""
		}
		for bits := range lengths {
			if subnet, err := at.Prefix(bits); err == nil && owner[subnet] != "" {
				return owner[subnet]
			}
		}
		return ""
	}
}
