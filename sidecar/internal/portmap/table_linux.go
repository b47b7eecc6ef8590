package portmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

const (
	lookEvery = 2 * time.Second // at what the kernel has
	atOnce    = 500             // elements in one message: its length has 16 bits
)

// Table is the map of one deployment. Its methods may be called at the same time.
type Table struct {
	prefix string
	log    *slog.Logger

	mu     sync.Mutex
	wanted content
	port   int   // of the listener for what cannot be led; 0: there is none
	synced bool  // wanted is what the rows say, not only what was found
	state  error // why the map does not hold; nil: it does
}

// content is what the sets hold.
type content struct {
	tcp, udp map[uint16]netip.AddrPort
	known    map[uint16]bool
}

func newContent() content {
	return content{tcp: map[uint16]netip.AddrPort{}, udp: map[uint16]netip.AddrPort{}, known: map[uint16]bool{}}
}

func (c content) of(f containers.Forward) map[uint16]netip.AddrPort {
	if f.UDP {
		return c.udp
	}
	return c.tcp
}

var _ containers.PortMap = (*Table)(nil)

// New makes the map of services on bridges whose names begin with prefix. It changes nothing before Put.
func New(prefix string, log *slog.Logger) *Table {
	return &Table{prefix: prefix, log: log, wanted: newContent(), state: errors.New("not set yet")}
}

// Put sets the whole table in one step, in the place of one that is there: what is led by the old one still is, until
// Sync knows better. port is that of a listener for what the kernel cannot lead; 0: there is none.
func (t *Table) Put(port int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.port = port
	if there, err := t.read(); err == nil {
		maps.Copy(there.tcp, t.wanted.tcp)
		maps.Copy(there.udp, t.wanted.udp)
		maps.Copy(there.known, t.wanted.known)
		t.wanted = there
	}
	return t.put()
}

// Usable says why this host cannot have the map, without changing anything; nil: it can, as far as that shows.
func (t *Table) Usable() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the kernel for nftables: %w", err)
	}
	_, _, err = t.ours(c)
	return err
}

// Open leads ports of the host to services. It may be repeated.
func (t *Table) Open(_ context.Context, all []containers.Forward) error {
	return t.change(all, func(f containers.Forward) {
		t.wanted.of(f)[uint16(f.Port)] = f.To
	})
}

// Close ends that; none is no error. What has been led elsewhere since stays.
func (t *Table) Close(_ context.Context, all []containers.Forward) error {
	return t.change(all, func(f containers.Forward) {
		if in := t.wanted.of(f); in[uint16(f.Port)] == f.To {
			delete(in, uint16(f.Port))
		}
	})
}

func (t *Table) change(all []containers.Forward, one func(containers.Forward)) error {
	if len(all) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range all {
		one(f)
	}
	if t.fill(true) != nil {
		// Somebody has changed the table. If that cannot be mended now, State tells of it and Run goes on trying.
		_ = t.put()
	}
	t.forgetFlows(all)
	return nil
}

// Sync makes the map hold exactly what list returns. It calls list while no Open or Close is under way.
func (t *Table) Sync(ctx context.Context, list func(context.Context) ([]containers.Forward, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	all, err := list(ctx)
	if err != nil {
		return err
	}
	t.wanted.tcp, t.wanted.udp = map[uint16]netip.AddrPort{}, map[uint16]netip.AddrPort{}
	for _, f := range all {
		t.wanted.of(f)[uint16(f.Port)] = f.To
	}
	t.synced = true
	t.mend()
	return nil
}

// Know sets the ports that belong to somebody: connections to those that lead nowhere come to the listener.
func (t *Table) Know(ports []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := make(map[uint16]bool, len(ports))
	for _, p := range ports {
		known[uint16(p)] = true
	}
	if !maps.Equal(known, t.wanted.known) {
		t.wanted.known = known
		t.mend()
	}
}

// KnowAlso adds one.
func (t *Table) KnowAlso(port int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wanted.known[uint16(port)] {
		return
	}
	t.wanted.known[uint16(port)] = true
	c, err := nftables.New()
	if err == nil {
		err = c.SetAddElements(newSets(t.table()).known, []nftables.SetElement{
			{Key: binary.BigEndian.AppendUint16(nil, uint16(port))},
		})
	}
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		t.mend()
	}
}

// State says why the map does not hold.
func (t *Table) State() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// Run puts the table back whenever it is not what it should be, until ctx ends.
func (t *Table) Run(ctx context.Context) error {
	loop.Every(ctx, lookEvery, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.mend()
	})
	return nil
}

// mend compares the table with what it should be and puts it right.
func (t *Table) mend() {
	different := t.compare()
	if different == nil {
		different = t.fill(t.synced)
	}
	if different == nil {
		t.state = nil
		return
	}
	before := t.state
	if err := t.put(); err != nil {
		if before == nil || before.Error() != err.Error() {
			t.log.Error("ports of the host lead nowhere: their map cannot be put back", "table", t.name(), "err", err)
		}
		return
	}
	t.log.Warn("the map of ports was changed by somebody else and is put back", "table", t.name(), "found", different)
}

// Remove takes the table away, and what lets its connections pass; none is no error.
func (t *Table) Remove() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = errors.New("taken away")
	c, err := nftables.New()
	if err != nil {
		return err
	}
	c.DelTable(t.table())
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("take away the map of ports %s: %w", t.name(), err)
	}
	return t.closeEngine()
}

func (t *Table) name() string { return "whaley-ports-" + t.prefix }

func (t *Table) table() *nftables.Table {
	return &nftables.Table{Name: t.name(), Family: nftables.TableFamilyINet}
}

// put sets all of it.
func (t *Table) put() error {
	t.state = t.tryPut()
	return t.state
}

func (t *Table) tryPut() error {
	if err := t.openEngine(); err != nil {
		return err
	}
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the kernel for nftables: %w", err)
	}
	table := t.table()
	c.AddTable(table)
	c.DelTable(table)
	c.AddTable(table)
	sets := newSets(table)
	for _, set := range sets.all() {
		if err := c.AddSet(set, nil); err != nil {
			return err
		}
		for some := range slices.Chunk(elements(set, t.wanted), atOnce) {
			if err := c.SetAddElements(set, some); err != nil {
				return err
			}
		}
	}
	accept := nftables.ChainPolicyAccept
	for _, ch := range t.chains(sets) {
		made := c.AddChain(&nftables.Chain{Table: table, Name: ch.name, Type: nftables.ChainTypeNAT, Hooknum: ch.hook,
			Priority: beforeEngine, Policy: &accept})
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: table, Chain: made, Exprs: r.exprs, UserData: comment(r.comment)})
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("set the map of ports %s: %w", t.name(), err)
	}
	return nil
}

// compare says how the rules differ from what they should be.
func (t *Table) compare() error {
	if err := t.engineOpen(); err != nil {
		return err
	}
	c, err := nftables.New()
	if err != nil {
		return err
	}
	for _, ch := range t.chains(newSets(t.table())) {
		there, err := c.ListChain(t.table(), ch.name)
		if err != nil {
			return fmt.Errorf("no chain %s: %w", ch.name, err)
		}
		rules, err := c.GetRules(t.table(), there)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(rules, ch.rules, func(a *nftables.Rule, b rule) bool { return commentOf(a) == b.comment }) {
			return fmt.Errorf("chain %s has %d other rules", ch.name, len(rules))
		}
	}
	return nil
}

// fill adds to the sets what is missing in them, and with exact takes out what is too much.
func (t *Table) fill(exact bool) error {
	there, err := t.read()
	if err != nil {
		return err
	}
	c, err := nftables.New()
	if err != nil {
		return err
	}
	for _, set := range newSets(t.table()).all() {
		missing, surplus := differences(elements(set, t.wanted), elements(set, there))
		if exact { // also in the place of an element with another value
			for some := range slices.Chunk(surplus, atOnce) {
				if err := c.SetDeleteElements(set, some); err != nil {
					return err
				}
			}
		}
		for some := range slices.Chunk(missing, atOnce) {
			if err := c.SetAddElements(set, some); err != nil {
				return err
			}
		}
	}
	return c.Flush()
}

// read is what the kernel has.
func (t *Table) read() (content, error) {
	there := newContent()
	c, err := nftables.New()
	if err != nil {
		return there, err
	}
	for _, set := range newSets(t.table()).all() {
		all, err := c.GetSetElements(set)
		if err != nil {
			return there, err
		}
		for _, e := range all {
			port := binary.BigEndian.Uint16(e.Key)
			switch set.Name {
			case nameTCP:
				there.tcp[port] = target(e.Val)
			case nameUDP:
				there.udp[port] = target(e.Val)
			default:
				there.known[port] = true
			}
		}
	}
	return there, nil
}

func comment(text string) []byte { return userdata.AppendString(nil, userdata.TypeComment, text) }

func commentOf(r *nftables.Rule) string {
	text, _ := userdata.GetString(r.UserData, userdata.TypeComment)
	return text
}
