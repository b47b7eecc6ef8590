package firewall

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// part is the size of an instance's subnet, by which the set egress knows it.
const part = 28

// priority is before iptables' and Docker's own rules: what they accept is not looked at by them first.
const priority = -5

// closed are ranges that nobody in the pool may reach, beside the pool itself.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers, and some clouds' metadata
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), // link-local, and most clouds' metadata
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), // of protocols, and Oracle's metadata
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/4"), // multicast
	netip.MustParsePrefix("240.0.0.0/4"), // reserved, and broadcast
}

// rule is one line of a chain. Its comment is how it is known again.
type rule struct {
	comment string
	exprs   []expr.Any
}

var (
	accept = &expr.Verdict{Kind: expr.VerdictAccept}
	drop   = &expr.Verdict{Kind: expr.VerdictDrop}
)

// fromBridge are the packets that come in by a bridge whose name has a prefix.
func fromBridge(prefix string) []expr.Any { return byBridge(expr.MetaKeyIIFNAME, prefix) }

// toBridge are those that go out by one.
func toBridge(prefix string) []expr.Any { return byBridge(expr.MetaKeyOIFNAME, prefix) }

func byBridge(way expr.MetaKey, prefix string) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: way, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(prefix)},
	}
}

// common begins both ways out of a bridge.
func common() []rule {
	return []rule{
		{"IPv4 only", []expr.Any{
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{unix.NFPROTO_IPV4}}, &expr.Counter{}, drop,
		}},
		{"no invented sources", []expr.Any{
			&expr.Fib{Register: 1, ResultOIF: true, FlagSADDR: true, FlagIIF: true},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0, 0, 0, 0}}, &expr.Counter{}, drop,
		}},
		// Only replies: what an instance of the same address was allowed to open before is judged anew.
		{"replies", []expr.Any{
			&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
				Mask: native(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), Xor: native(0)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(0)},
			&expr.Ct{Key: expr.CtKeyDIRECTION, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{1}}, accept,
		}},
	}
}

// toPool judges what comes from elsewhere.
func toPool(shares shares) []rule { return shares.fromOutside() }

// toHost judges what is meant for the host itself.
func toHost() []rule {
	return append(common(), rule{"nobody in the pool opens a connection to the host", []expr.Any{&expr.Counter{}, drop}})
}

// toOthers judges what is to be forwarded.
func toOthers(pools []netip.Prefix, egress *nftables.Set, shares shares) []rule {
	rules := append(common(),
		rule{"within one network", []expr.Any{
			&expr.Fib{Register: 1, ResultOIF: true, FlagDADDR: true, FlagIIF: true},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 0, 0, 0}}, accept,
		}},
		rule{"only egress leaves", append(address(source, part),
			&expr.Lookup{SourceRegister: 1, SetName: egress.Name, SetID: egress.ID, Invert: true}, &expr.Counter{}, drop)},
	)
	rules = append(rules, shares.toOutside()...)
	return slices.Concat(rules, namesOf(), closedTo(slices.Concat(pools, closed)))
}

// namesOf lets through what asks the host's name servers.
func namesOf() (rules []rule) {
	for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		for _, r := range resolvers() {
			rules = append(rules, rule{"names, from " + r.String(), append(to(netip.PrefixFrom(r, 32)),
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0, 53}}, accept)})
		}
	}
	return rules
}

// closedTo keeps from some ranges.
func closedTo(ranges []netip.Prefix) (rules []rule) {
	for _, p := range ranges {
		rules = append(rules, rule{"nobody reaches " + p.String(), append(to(p), &expr.Counter{}, drop)})
	}
	return rules
}

// Offsets in an IPv4 header.
const (
	source      = 12
	destination = 16
)

// address loads an address of the IPv4 header, cut to some bits.
func address(offset uint32, bits int) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: net.CIDRMask(bits, 32), Xor: []byte{0, 0, 0, 0}},
	}
}

func to(p netip.Prefix) []expr.Any {
	return append(
		address(destination, p.Bits()), &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: p.Masked().Addr().AsSlice()},
	)
}

func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func comment(text string) []byte { return userdata.AppendString(nil, userdata.TypeComment, text) }
