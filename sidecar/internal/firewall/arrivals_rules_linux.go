package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	addresses    = 1 << 16 // that are counted at the same time; those beyond are let through
	remembered   = time.Minute
	site         = 64 // bits of an IPv6 address: who has one address has all of its /64
	offsetPort   = 2  // of the destination, in the header of TCP
	offsetSource = 8  // in the header of IPv6
)

// counted is one of IP's two, and what is counted of it.
type counted struct {
	protocol    byte
	load        []expr.Any // the address that a packet is from, or the part of it that counts
	rates, held *nftables.Set
}

func countedOf(table *nftables.Table) []counted {
	set := func(name string, key nftables.SetDatatype, age time.Duration) *nftables.Set {
		return &nftables.Set{
			Table: table, Name: name, KeyType: key, Dynamic: true, HasTimeout: age != 0, Timeout: age, Size: addresses,
		}
	}
	prefix := net.CIDRMask(site, 128)
	return []counted{
		{
			unix.NFPROTO_IPV4, address(source, 32), set("rates", nftables.TypeIPAddr, remembered),
			set("held", nftables.TypeIPAddr, 0),
		},
		{unix.NFPROTO_IPV6, []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offsetSource, Len: 16},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 16, Mask: prefix, Xor: make([]byte, 16)},
		}, set("rates6", nftables.TypeIP6Addr, remembered), set("held6", nftables.TypeIP6Addr, 0)},
	}
}

// chains are what the table consists of, beside the sets.
func (a *Arrivals) chains(ports *nftables.Set, all []counted) []chain {
	judged := chain{name: "judged"}
	for _, p := range a.opts.Many {
		judged.rules = append(judged.rules, rule{
			"let alone " + p.String(), append(isFrom(p), &expr.Verdict{Kind: expr.VerdictReturn}),
		})
	}
	for _, of := range all {
		judged.rules = append(judged.rules, a.bounds(of)...)
	}
	begins := append(isNew(), &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offsetPort, Len: 2},
		&expr.Lookup{SourceRegister: 1, SetName: ports.Name, SetID: ports.ID},
		&expr.Verdict{Kind: expr.VerdictJump, Chain: judged.name})
	return []chain{
		judged,
		{"input", nftables.ChainHookInput, priority, []rule{{fmt.Sprint("new connections to ", a.opts.Ports), begins}}},
	}
}

// bounds drop what an address has too much of.
func (a *Arrivals) bounds(of counted) []rule {
	over := func(what string, set *nftables.Set, operation uint32, bound expr.Any) rule {
		return rule{what, slices.Concat(ofFamily(of.protocol), of.load, []expr.Any{
			&expr.Dynset{SrcRegKey: 1, SetName: set.Name, SetID: set.ID, Operation: operation, Exprs: []expr.Any{bound}},
			&expr.Counter{}, drop,
		})}
	}
	rules := []rule{over(
		fmt.Sprintf("at most %d new ones a second, by %s", a.opts.Rate, of.rates.Name), of.rates, unix.NFT_DYNSET_OP_UPDATE,
		&expr.Limit{
			Type: expr.LimitTypePkts, Rate: uint64(a.opts.Rate), Unit: expr.LimitTimeSecond, Over: true,
			Burst: uint32(max(a.opts.Rate/burst, 1)),
		},
	)}
	if a.opts.Most > 0 {
		rules = append(rules, over(
			fmt.Sprintf("at most %d at once, by %s", a.opts.Most, of.held.Name), of.held, unix.NFT_DYNSET_OP_ADD,
			&expr.Connlimit{Count: uint32(a.opts.Most), Flags: expr.NFT_CONNLIMIT_F_INV},
		))
	}
	return rules
}

func ofFamily(protocol byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
	}
}

// isFrom are packets from a range of addresses.
func isFrom(p netip.Prefix) []expr.Any {
	protocol, offset := byte(unix.NFPROTO_IPV4), uint32(source)
	if p.Addr().Is6() {
		protocol, offset = unix.NFPROTO_IPV6, offsetSource
	}
	size := p.Addr().BitLen() / 8
	return append(ofFamily(protocol),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(size)},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: uint32(size), Mask: net.CIDRMask(p.Bits(), 8*size), Xor: make([]byte, size),
		},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: p.Masked().Addr().AsSlice()})
}
