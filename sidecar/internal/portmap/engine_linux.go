package portmap

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// engineChain is asked by the engine before its own rules, and never emptied by it.
const engineChain = "DOCKER-USER"

// Numbers of linux/netfilter/xt_conntrack.h.
const (
	stateDNAT  = 1 << 7
	throughNAT = 3 // revision of the match
)

func filterTable() *nftables.Table {
	return &nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4}
}

// passes are the rules that let pass what is led to a bridge of this deployment, and the replies. They are written as
// iptables would, which refuses to work on a table that has anything else.
func (t *Table) passes() []rule {
	led := func(way expr.MetaKey, flags, inverted xt.ConntrackFlags) []expr.Any {
		info := &xt.ConntrackMtinfo3{}
		info.MatchFlags, info.InvertFlags = uint16(xt.ConntrackState|flags), uint16(inverted)
		info.StateMask = stateDNAT
		return []expr.Any{
			&expr.Meta{Key: way, Register: first},
			&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte(t.prefix)},
			&expr.Match{Name: "conntrack", Rev: throughNAT, Info: info},
			&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictAccept},
		}
	}
	return []rule{
		{t.name() + " to services", led(expr.MetaKeyOIFNAME, 0, 0)},
		{t.name() + " replies", led(expr.MetaKeyIIFNAME, xt.ConntrackDirection, xt.ConntrackDirection)},
	}
}

// ours are the rules of this deployment that the engine's chain has, and where more belong: before its last rule, if
// that ends it for everybody.
func (t *Table) ours(c *nftables.Conn) (there []*nftables.Rule, before *nftables.Rule, err error) {
	all, err := c.GetRules(filterTable(), &nftables.Chain{Table: filterTable(), Name: engineChain})
	if err != nil {
		return nil, nil, fmt.Errorf(
			"the engine has no chain %s in this host's nftables (its iptables may be the legacy one, or it is another host's): %w",
			engineChain, err)
	}
	for _, r := range all {
		if slices.ContainsFunc(t.passes(), func(p rule) bool { return p.comment == commentOf(r) }) {
			there = append(there, r)
		}
	}
	if len(all) > 0 && ends(all[len(all)-1]) {
		before = all[len(all)-1]
	}
	return there, before, nil
}

// ends says whether a rule returns for whatever it sees.
func ends(r *nftables.Rule) bool {
	for _, e := range r.Exprs {
		switch e := e.(type) {
		case *expr.Counter:
		case *expr.Verdict:
			return e.Kind == expr.VerdictReturn
		default:
			return false
		}
	}
	return false
}

func (t *Table) engineOpen() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	there, _, err := t.ours(c)
	if err == nil && len(there) != len(t.passes()) {
		err = fmt.Errorf("%s lacks our rules", engineChain)
	}
	return err
}

// openEngine has the engine's rules let pass what this table leads.
func (t *Table) openEngine() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	there, before, err := t.ours(c)
	if err != nil || len(there) == len(t.passes()) {
		return err
	}
	for _, r := range there {
		if err := c.DelRule(r); err != nil {
			return err
		}
	}
	chain := &nftables.Chain{Table: filterTable(), Name: engineChain}
	for _, p := range t.passes() {
		made := &nftables.Rule{Table: filterTable(), Chain: chain, Exprs: p.exprs, UserData: comment(p.comment)}
		if before == nil {
			c.AddRule(made)
			continue
		}
		made.Position = before.Handle
		c.InsertRule(made)
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("add to the engine's chain %s: %w", engineChain, err)
	}
	return nil
}

func (t *Table) closeEngine() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	there, _, err := t.ours(c)
	if err != nil {
		return nil // there is none
	}
	for _, r := range there {
		if err := c.DelRule(r); err != nil {
			return err
		}
	}
	return c.Flush()
}
