package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Builds is a table of its own around the engine's own network, in which RUN lines run. Their addresses are not known
// before they run, so everybody there is meant but those who are known.
type Builds struct{ name string }

// NewBuilds makes that of one deployment. It changes nothing.
func NewBuilds(prefix string) *Builds { return &Builds{name: "whaley-" + prefix + "builds"} }

// Close keeps what comes from a bridge away from the host and from private, link-local and metadata ranges, whatever it
// has open already; the rest of the world and the host's name servers it reaches. Known addresses are let alone.
func (b *Builds) Close(bridge string, known []netip.Addr) error {
	if bridge == "" || len(bridge) >= unix.IFNAMSIZ {
		return fmt.Errorf("fence builds: %q is no name of a bridge", bridge)
	}
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("fence builds: %w", err)
	}
	table := &nftables.Table{Name: b.name, Family: nftables.TableFamilyINet}
	c.AddTable(table)
	c.DelTable(table)
	c.AddTable(table)
	four := &nftables.Set{Table: table, Name: "known", KeyType: nftables.TypeIPAddr}
	six := &nftables.Set{Table: table, Name: "known6", KeyType: nftables.TypeIP6Addr}
	var elements4, elements6 []nftables.SetElement
	for _, a := range known {
		if a.Is4() {
			elements4 = append(elements4, nftables.SetElement{Key: a.AsSlice()})
		} else {
			elements6 = append(elements6, nftables.SetElement{Key: a.AsSlice()})
		}
	}
	if err := errors.Join(c.AddSet(four, elements4), c.AddSet(six, elements6)); err != nil {
		return fmt.Errorf("fence builds: %w", err)
	}
	at := nftables.ChainPriority(priority)
	setChains(c, table, []chain{
		{"to_host", nil, 0, slices.Concat(common(), namesOf(), []rule{{"no build reaches the host", []expr.Any{&expr.Counter{}, drop}}})},
		{"to_others", nil, 0, slices.Concat(common(), namesOf(), closedTo(closed))},
		{"to_by_six", nil, 0, []rule{
			{"neighbours", []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}}, accept}},
			{"IPv4 only", []expr.Any{&expr.Counter{}, drop}},
		}},
		{"input", nftables.ChainHookInput, at, []rule{unknown(bridge, four, "to_host"), unknown(bridge, six, "to_by_six")}},
		{"forward", nftables.ChainHookForward, at, []rule{unknown(bridge, four, "to_others"), unknown(bridge, six, "to_by_six")}},
	})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("fence builds: set the table %s: %w", b.name, err)
	}
	return nil
}

// Open takes the table away; none is no error.
func (b *Builds) Open() error {
	if err := deleteTable(&nftables.Table{Name: b.name, Family: nftables.TableFamilyINet}); err != nil {
		return fmt.Errorf("open the fence around builds: %w", err)
	}
	return nil
}

// unknown judges what comes from a bridge with an address that is not in a set.
func unknown(bridge string, known *nftables.Set, chain string) rule {
	family, offset, length := byte(unix.NFPROTO_IPV4), uint32(source), uint32(4)
	if known.KeyType == nftables.TypeIP6Addr {
		family, offset, length = unix.NFPROTO_IPV6, 8, 16
	}
	return rule{"what is not known, to " + chain, []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: append([]byte(bridge), 0)},
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Lookup{SourceRegister: 1, SetName: known.Name, SetID: known.ID, Invert: true},
		&expr.Verdict{Kind: expr.VerdictJump, Chain: chain},
	}}
}
