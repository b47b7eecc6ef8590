package firewall

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

type chain struct {
	name     string
	hook     *nftables.ChainHook // nil: only jumped to
	priority nftables.ChainPriority
	rules    []rule
}

// setChains puts chains and their rules into a table that is new in the same step.
func setChains(c *nftables.Conn, table *nftables.Table, chains []chain) {
	accept := nftables.ChainPolicyAccept
	for _, ch := range chains {
		made := &nftables.Chain{Table: table, Name: ch.name}
		if ch.hook != nil {
			made.Type, made.Hooknum, made.Priority, made.Policy = nftables.ChainTypeFilter, ch.hook, &ch.priority, &accept
		}
		c.AddChain(made)
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: table, Chain: made, Exprs: r.exprs, UserData: comment(r.comment)})
		}
	}
}

// compareChains says how a table's rules differ from what they should be.
func compareChains(c *nftables.Conn, table *nftables.Table, chains []chain) error {
	for _, ch := range chains {
		there, err := c.ListChain(table, ch.name)
		if err != nil {
			return fmt.Errorf("no chain %s: %w", ch.name, err)
		}
		if ch.hook != nil &&
			(there.Hooknum == nil || *there.Hooknum != *ch.hook || there.Priority == nil || *there.Priority != ch.priority) {
			return fmt.Errorf("chain %s is not hooked", ch.name)
		}
		rules, err := c.GetRules(table, there)
		if err != nil {
			return fmt.Errorf("read the rules of chain %s: %w", ch.name, err)
		}
		if !slices.EqualFunc(rules, ch.rules, func(a *nftables.Rule, b rule) bool {
			text, ok := userdata.GetString(a.UserData, userdata.TypeComment)
			return ok && text == b.comment
		}) {
			return fmt.Errorf("chain %s has %d other rules", ch.name, len(rules))
		}
	}
	return nil
}

// deleteTable takes a table away; none is no error.
func deleteTable(table *nftables.Table) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the kernel for nftables: %w", err)
	}
	c.DelTable(table)
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove the table %s: %w", table.Name, err)
	}
	return nil
}
