package firewall

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"golang.org/x/sys/unix"
)

// lookEvery is how often the table is compared with what it should be.
const lookEvery = 2 * time.Second

// Table is the firewall of one deployment. Its methods may be called at the same time.
type Table struct {
	prefix string
	log    *slog.Logger

	connections int // of an instance

	mu     sync.Mutex
	pools  []netip.Prefix
	egress map[netip.Prefix]bool // what the set should hold
	state  error                 // why the rules do not hold; nil: they do
}

// New makes the firewall of what comes from bridges whose names begin with prefix; pools are what
// their networks come from. It changes nothing before Put. An instance
// may have a number of connections to the outside and as many from it; 0 means any number.
func New(prefix string, pools []netip.Prefix, connections int, log *slog.Logger) *Table {
	return &Table{
		prefix: prefix, pools: pools, connections: connections, log: log, egress: map[netip.Prefix]bool{},
		state: errors.New("not set yet"),
	}
}

func (t *Table) table() *nftables.Table {
	return &nftables.Table{Name: "whaley-" + t.prefix, Family: nftables.TableFamilyINet}
}

func (t *Table) set(table *nftables.Table) *nftables.Set {
	return &nftables.Set{Table: table, Name: "egress", KeyType: nftables.TypeIPAddr}
}

// chains are what the table consists of, beside the sets.
func (t *Table) chains(egress *nftables.Set, shares shares) []chain {
	from := func(name string) rule {
		return rule{
			"what comes from the pool", append(fromBridge(t.prefix), &expr.Verdict{Kind: expr.VerdictJump, Chain: name}),
		}
	}
	to := func(name string) rule {
		return rule{"what goes to the pool", append(toBridge(t.prefix), &expr.Verdict{Kind: expr.VerdictJump, Chain: name})}
	}
	return []chain{
		{"to_host", nil, 0, toHost()},
		{"to_others", nil, 0, toOthers(t.pools, egress, shares)},
		{"to_pool", nil, 0, toPool(shares)},
		{"untracked", nil, 0, untracked()},
		{"prerouting", nftables.ChainHookPrerouting, beforeTracking, []rule{from("untracked")}},
		{"input", nftables.ChainHookInput, priority, []rule{from("to_host")}},
		{"forward", nftables.ChainHookForward, priority, []rule{from("to_others"), to("to_pool")}},
	}
}

// Put sets the whole table in one step, in the place of one that is there: no packet sees half of it. Who may leave
// by the old one still may, until Sync knows better.
func (t *Table) Put() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if there, err := t.allowed(); err == nil {
		for _, p := range there {
			t.egress[p] = true
		}
	}
	return t.put()
}

// SetPools lets the rules know of other pools: that which networks come from, and those before it that still have some.
func (t *Table) SetPools(pools []netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Equal(t.pools, pools) {
		return
	}
	t.pools = slices.Clone(pools)
	_ = t.put() // State tells of it, and Run goes on trying
}

// Holds says whether the table is there as it should be, without changing anything.
func (t *Table) Holds() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.compare() == nil
}

// allowed reads the set egress.
func (t *Table) allowed() ([]netip.Prefix, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, err
	}
	there, err := c.GetSetElements(t.set(t.table()))
	var all []netip.Prefix
	for _, e := range there {
		if a, ok := netip.AddrFromSlice(e.Key); ok {
			all = append(all, netip.PrefixFrom(a, part))
		}
	}
	return all, err
}

func (t *Table) put() error {
	c, err := nftables.New()
	if err != nil {
		return t.is(err)
	}
	table := t.table()
	c.AddTable(table)
	c.DelTable(table)
	c.AddTable(table)
	egress := t.set(table)
	if err := c.AddSet(egress, elements(slices.Collect(maps.Keys(t.egress)))); err != nil {
		return t.is(err)
	}
	shares := t.shares(table)
	for _, set := range shares.all() {
		if err := c.AddSet(set, nil); err != nil {
			return t.is(err)
		}
	}
	setChains(c, table, t.chains(egress, shares))
	err = c.Flush()
	if t.connections > 0 && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP)) {
		t.log.Warn(
			"this kernel cannot count connections (nft_connlimit, nft_limit): instances have no share of them, all else holds",
			"table", table.Name, "err", err,
		)
		t.connections = 0
		return t.put()
	}
	return t.is(err)
}

// is notes how it stands.
func (t *Table) is(err error) error {
	t.state = err
	return err
}

func elements(subnets []netip.Prefix) []nftables.SetElement {
	var all []nftables.SetElement
	for _, p := range subnets {
		all = append(all, nftables.SetElement{Key: p.Masked().Addr().AsSlice()})
	}
	return all
}

// State says why the rules do not hold, as far as the kernel's list of them shows.
func (t *Table) State() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// Run puts the table back whenever it is not what it should be, until ctx ends.
func (t *Table) Run(ctx context.Context) error {
	loop.Every(ctx, lookEvery, t.look)
	return nil
}

func (t *Table) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	different := t.compare()
	if different == nil {
		different = t.fill(false)
	}
	if different == nil {
		if t.state != nil {
			t.log.Info("firewall is as it should be again", "table", t.table().Name, "was", t.state)
			t.state = nil // whatever kept it from being set or read is over
		}
		return
	}
	before := t.state
	if err := t.put(); err != nil {
		if before == nil || before.Error() != err.Error() {
			t.log.Error("firewall cannot be put back: instances may reach the host", "table", t.table().Name, "err", err)
		}
		return
	}
	t.log.Warn("firewall was changed by somebody else and is put back", "table", t.table().Name, "found", different)
}

// compare says how the rules differ from what they should be.
func (t *Table) compare() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := t.table()
	return compareChains(c, table, t.chains(t.set(table), t.shares(table)))
}

// fill adds to the set egress what is missing in it, and with exact takes out what is too much: without, that may be
// what another process has just allowed.
func (t *Table) fill(exact bool) error {
	there, err := t.allowed()
	if err != nil {
		return err
	}
	found := map[netip.Prefix]bool{}
	var missing, surplus []netip.Prefix
	for _, p := range there {
		found[p] = true
		if exact && !t.egress[p] {
			surplus = append(surplus, p)
		}
	}
	for p := range t.egress {
		if !found[p] {
			missing = append(missing, p)
		}
	}
	if len(missing)+len(surplus) == 0 {
		return nil
	}
	c, err := nftables.New()
	if err != nil {
		return err
	}
	set := t.set(t.table())
	if len(missing) > 0 {
		err = c.SetAddElements(set, elements(missing))
	}
	if len(surplus) > 0 && err == nil {
		err = c.SetDeleteElements(set, elements(surplus))
	}
	if err != nil {
		return err
	}
	return c.Flush()
}

// Remove takes the table away; none is no error.
func (t *Table) Remove() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = errors.New("taken away")
	return deleteTable(t.table())
}
