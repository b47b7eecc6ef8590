package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

const (
	// perProcessor is how many new connections a second one address may open for each processor. To accept one and to read
	// its request takes about 0.6 ms, so it is a sixteenth of them.
	perProcessor = 100
	// burst is how many come at once, as a part of a second's: clients whose connections are dropped ask again all in the same
	// moment, a second later.
	burst = 8
)

// Arrivals bound the new connections that one address opens to the ports for players, whatever listens there. It is a
// table of its own. What is beyond the bound is dropped: its client asks again a second later, and who is served notices
// nothing. Its methods may be called at the same time.
type Arrivals struct {
	prefix string
	opts   ArrivalsOptions
	log    *slog.Logger

	mu    sync.Mutex
	state error // why the rules do not hold; nil: they do
}

// ArrivalsOptions say what is bounded.
type ArrivalsOptions struct {
	Ports []uint16       // of the host, by TCP
	Rate  int            // new connections a second of one address, of IPv6 of one /64
	Most  int            // connections of one at the same time; 0: any number
	Many  []netip.Prefix // who stands for many: these are not counted
}

// NewArrivals makes the bounds of one deployment. It changes nothing before Put.
func NewArrivals(prefix string, opts ArrivalsOptions, log *slog.Logger) *Arrivals {
	for _, here := range []string{"127.0.0.1/32", "::1/128"} {
		opts.Many = append(slices.Clip(opts.Many), netip.MustParsePrefix(here))
	}
	return &Arrivals{prefix: prefix, opts: opts, log: log, state: errors.New("not set yet")}
}

// RateFor is the rate of a machine with so many processors.
func RateFor(processors int) int { return perProcessor * processors }

func (a *Arrivals) table() *nftables.Table {
	return &nftables.Table{Name: "whaley-" + a.prefix + "arrivals", Family: nftables.TableFamilyINet}
}

// Put sets the whole table in one step, in the place of one that is there.
func (a *Arrivals) Put() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.put()
}

func (a *Arrivals) put() error {
	a.state = a.tryPut()
	return a.state
}

func (a *Arrivals) tryPut() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the kernel for nftables: %w", err)
	}
	table := a.table()
	c.AddTable(table)
	c.DelTable(table)
	c.AddTable(table)
	ports := a.ports(table)
	var elements []nftables.SetElement
	for _, port := range a.opts.Ports {
		elements = append(elements, nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, port)})
	}
	err = c.AddSet(ports, elements)
	both := countedOf(table)
	for _, f := range both {
		err = errors.Join(err, c.AddSet(f.rates, nil))
		if a.opts.Most > 0 {
			err = errors.Join(err, c.AddSet(f.held, nil))
		}
	}
	setChains(c, table, a.chains(ports, both))
	if err := errors.Join(err, c.Flush()); err != nil {
		return fmt.Errorf("set the table %s, for which the kernel needs nft_limit and nft_connlimit: %w", table.Name, err)
	}
	return nil
}

func (a *Arrivals) ports(table *nftables.Table) *nftables.Set {
	return &nftables.Set{Table: table, Name: "ports", KeyType: nftables.TypeInetService}
}

// State says why the bounds do not hold.
func (a *Arrivals) State() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// Run puts the table back whenever it is not what it should be, until ctx ends.
func (a *Arrivals) Run(ctx context.Context) error {
	loop.Every(ctx, lookEvery, a.look)
	return nil
}

func (a *Arrivals) look() {
	a.mu.Lock()
	defer a.mu.Unlock()
	different := a.compare()
	if different == nil {
		a.state = nil
		return
	}
	before := a.state
	if err := a.put(); err != nil {
		if before == nil || before.Error() != err.Error() {
			a.log.Error("new connections of an address have no bound: its rules cannot be put back", "err", err)
		}
		return
	}
	a.log.Warn("the bound on new connections was changed by somebody else and is put back", "found", different)
}

func (a *Arrivals) compare() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the kernel for nftables: %w", err)
	}
	table := a.table()
	ports := a.ports(table)
	there, err := c.GetSetElements(ports)
	if err != nil {
		return fmt.Errorf("no set of ports: %w", err)
	}
	if len(there) != len(a.opts.Ports) {
		return fmt.Errorf("%d ports are bounded instead of %d", len(there), len(a.opts.Ports))
	}
	return compareChains(c, table, a.chains(ports, countedOf(table)))
}

// Remove takes the table away; none is no error.
func (a *Arrivals) Remove() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = errors.New("taken away")
	return deleteTable(a.table())
}
