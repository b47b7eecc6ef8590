package portmap

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Names of the sets.
const (
	nameTCP   = "tcp"
	nameUDP   = "udp"
	nameKnown = "known"
)

// beforeEngine is before the engine's own map (-100): who led a port first keeps it.
var beforeEngine = nftables.ChainPriorityRef(-105)

// Registers: the first of 16 bytes, and the second of its 4-byte parts.
const (
	first      = 1
	secondPart = 9
)

type sets struct{ tcp, udp, known *nftables.Set }

func newSets(table *nftables.Table) sets {
	target := nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetService)
	ports := func(name string) *nftables.Set {
		return &nftables.Set{
			Table: table, Name: name, KeyType: nftables.TypeInetService, DataType: target, IsMap: true, Concatenation: false,
		}
	}
	return sets{tcp: ports(nameTCP), udp: ports(nameUDP),
		known: &nftables.Set{Table: table, Name: nameKnown, KeyType: nftables.TypeInetService}}
}

func (s sets) all() []*nftables.Set { return []*nftables.Set{s.tcp, s.udp, s.known} }

// elements are what a set of this name holds.
func elements(set *nftables.Set, c content) []nftables.SetElement {
	var all []nftables.SetElement
	in := c.tcp
	switch set.Name {
	case nameKnown:
		for port := range c.known {
			all = append(all, nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, port)})
		}
		return all
	case nameUDP:
		in = c.udp
	}
	for port, to := range in {
		value := append(to.Addr().AsSlice(), 0, 0, 0, 0)
		binary.BigEndian.PutUint16(value[4:], to.Port())
		all = append(all, nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, port), Val: value})
	}
	return all
}

// target is where an element leads.
func target(value []byte) netip.AddrPort {
	if len(value) < 6 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(value[:4])), binary.BigEndian.Uint16(value[4:]))
}

func differences(wanted, there []nftables.SetElement) (missing, surplus []nftables.SetElement) {
	less := func(all, without []nftables.SetElement) (rest []nftables.SetElement) {
		has := make(map[string][]byte, len(without))
		for _, e := range without {
			has[string(e.Key)] = e.Val
		}
		for _, e := range all {
			if value, found := has[string(e.Key)]; !found || !bytes.Equal(value, e.Val) {
				rest = append(rest, e)
			}
		}
		return rest
	}
	return less(wanted, there), less(there, wanted)
}

// rule is one line of a chain. Its comment is how it is known again.
type rule struct {
	comment string
	exprs   []expr.Any
}

type chain struct {
	name  string
	hook  *nftables.ChainHook
	rules []rule
}

// chains are what the table consists of, beside the sets. What the host sends to its own loopback has an address that
// it cannot leave by, so that never is led by the kernel.
func (t *Table) chains(s sets) []chain {
	return []chain{
		{"prerouting", nftables.ChainHookPrerouting, t.rules(s, nil)},
		{"output", nftables.ChainHookOutput, t.rules(s, notLoopback())},
	}
}

func (t *Table) rules(s sets, except []expr.Any) []rule {
	led := func(name string, protocol byte, set *nftables.Set) rule {
		e := append(toHost(), family(unix.NFPROTO_IPV4)...)
		e = append(append(e, except...), ofPort(protocol)...)
		return rule{name, append(e,
			&expr.Lookup{SourceRegister: first, DestRegister: first, IsDestRegSet: true, SetName: set.Name, SetID: set.ID},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: first, RegProtoMin: secondPart})}
	}
	all := []rule{led("TCP to services", unix.IPPROTO_TCP, s.tcp), led("UDP to services", unix.IPPROTO_UDP, s.udp)}
	if t.port == 0 {
		return all
	}
	e := append(toHost(), ofPort(unix.IPPROTO_TCP)...)
	return append(all, rule{"all else to the sidecar at " + strconv.Itoa(t.port), append(e,
		&expr.Lookup{SourceRegister: first, SetName: s.known.Name, SetID: s.known.ID},
		&expr.Immediate{Register: first, Data: binary.BigEndian.AppendUint16(nil, uint16(t.port))},
		&expr.Redir{RegisterProtoMin: first})})
}

// toHost is what is meant for an address of the host.
func toHost() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: first, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: binary.NativeEndian.AppendUint32(nil, unix.RTN_LOCAL)},
	}
}

func family(f byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: first}, &expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte{f}},
	}
}

func notLoopback() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: first, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: first, Data: []byte{127}},
	}
}

// ofPort loads the destination's port of a protocol.
func ofPort(protocol byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: first},
		&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte{protocol}},
		&expr.Payload{DestRegister: first, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
}
