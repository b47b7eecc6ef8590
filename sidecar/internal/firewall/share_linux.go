package firewall

import (
	"net/netip"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The host has one table of connections for everything that it forwards, its own traffic and the players' included, and
// refuses new ones when that is full. An instance has a share of it.
//
// The table also holds connections that are over, for two minutes, and these are not counted. So new ones have a rate
// that makes as many as the share in a minute: together an instance never has more than four times its share.

// fill is how long an instance takes to use up its share once more, after it has done so at once.
const fill = time.Minute

// beforeTracking is before the kernel puts fragments together (-400) and tracks (-200).
const beforeTracking = -450

// shares are the sets that know what each part of the pool has.
type shares struct {
	connections int // 0: no limit
	rates       *nftables.Set
	opened      *nftables.Set
	offered     *nftables.Set
}

func (t *Table) shares(table *nftables.Table) shares {
	named := func(name string, age time.Duration) *nftables.Set {
		return &nftables.Set{Table: table, Name: name, KeyType: nftables.TypeIPAddr, Dynamic: true,
			HasTimeout: age != 0, Timeout: age, Size: parts(t.pools)}
	}
	return shares{connections: t.connections,
		rates: named("rates", 10*fill), opened: named("opened", 0), offered: named("offered", 0)}
}

// all are the sets to be made.
func (s shares) all() []*nftables.Set {
	if s.connections == 0 {
		return nil
	}
	return []*nftables.Set{s.rates, s.opened, s.offered}
}

// parts is how many subnets of instances the pools have together.
func parts(pools []netip.Prefix) uint32 {
	var all uint32
	for _, pool := range pools {
		all += 1 << max(part-pool.Bits(), 0)
	}
	return all
}

// toOutside bounds the connections that an instance opens.
func (s shares) toOutside() []rule {
	if s.connections == 0 {
		return nil
	}
	perMinute := &expr.Limit{
		Type: expr.LimitTypePkts, Rate: uint64(s.connections), Unit: expr.LimitTimeMinute, Over: true,
		Burst: uint32(s.connections),
	}
	return []rule{
		{"new connections of an instance have a rate", each(source, s.rates, unix.NFT_DYNSET_OP_UPDATE, perMinute)},
		{"connections of an instance to the outside have a number", each(source, s.opened, unix.NFT_DYNSET_OP_ADD, s.over())},
	}
}

// fromOutside bounds the connections to an instance's ports of the host: whoever floods one keeps its own players out,
// not everybody's.
func (s shares) fromOutside() []rule {
	if s.connections == 0 {
		return nil
	}
	return []rule{{
		"connections from the outside to an instance have a number",
		each(destination, s.offered, unix.NFT_DYNSET_OP_ADD, s.over()),
	}}
}

func (s shares) over() expr.Any {
	return &expr.Connlimit{Count: uint32(s.connections), Flags: expr.NFT_CONNLIMIT_F_INV}
}

// isNew are the packets by which somebody opens a connection.
func isNew() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(expr.CtStateBitNEW), Xor: native(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(0)},
	}
}

// each drops what is new and beyond the bound of its part of the pool.
func each(offset uint32, set *nftables.Set, operation uint32, bound expr.Any) []expr.Any {
	return append(append(isNew(), address(offset, part)...),
		&expr.Dynset{SrcRegKey: 1, SetName: set.Name, SetID: set.ID, Operation: operation, Exprs: []expr.Any{bound}},
		&expr.Counter{}, drop)
}

// untracked keeps what an instance's services say to each other out of the table: br_netfilter shows bridged packets to
// the kernel's tracking as well. No rule asks for the state of these.
func untracked() []rule {
	within := func(source bool) []expr.Any {
		return []expr.Any{
			&expr.Fib{Register: 1, ResultOIF: true, FlagSADDR: source, FlagDADDR: !source, FlagIIF: true},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 0, 0, 0}},
		}
	}
	return []rule{{
		"within one network nothing is tracked", append(append(within(true), within(false)...), &expr.Notrack{}),
	}}
}
