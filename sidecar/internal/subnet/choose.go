package subnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Candidates are what a pool is chosen from, the likeliest to be free first. Private ranges that clouds and campuses
// begin to give away from the other end, and at last one that the Internet keeps for measurements.
var Candidates = []netip.Prefix{
	netip.MustParsePrefix("10.240.0.0/12"), netip.MustParsePrefix("10.224.0.0/12"), netip.MustParsePrefix("10.208.0.0/12"),
	netip.MustParsePrefix("10.192.0.0/12"), netip.MustParsePrefix("10.176.0.0/12"), netip.MustParsePrefix("10.160.0.0/12"),
	netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("172.28.0.0/14"), netip.MustParsePrefix("198.18.0.0/15"),
}

// metaName is where the store keeps the choice.
const metaName = "subnet_pool"

// lookEvery is how often this host is looked at although nothing was heard, and how soon another sidecar's choice is
// known.
const lookEvery = time.Minute

// choice is what the store keeps, for all sidecars of a database.
type choice struct {
	Pool    netip.Prefix            `json:"pool"`
	Before  []netip.Prefix          `json:"before,omitempty"`  // earlier pools, as long as something is in them
	Used    []netip.Prefix          `json:"used,omitempty"`    // all earlier pools
	Refused map[netip.Prefix]string `json:"refused,omitempty"` // pools that a sidecar had to give up, and why
}

// Meta keeps a value for all sidecars of a database.
type Meta interface {
	HeldSubnets(ctx context.Context) (map[netip.Prefix]string, error)
	// ChangeMeta changes a value that no other does meanwhile; "" is none. The change may be tried several times.
	ChangeMeta(ctx context.Context, name string, change func(now string) string) error
}

// Chooser knows the pool and those before it.
type Chooser struct {
	store Meta
	set   netip.Prefix // SUBNET_POOL; not valid: the pool is chosen
	least int          // how many networks it should have room for
	look  func(ctx context.Context) ([]Need, error)
	log   *slog.Logger

	mu      sync.Mutex
	now     choice
	needs   []Need // of the last look
	trouble string // what the pool in use holds and cannot be left for
	changed []func(pools []netip.Prefix)
	told    func(message string)
}

// NewChooser makes one that knows nothing before Choose. set is SUBNET_POOL, not valid if that is empty; look lists
// what this host needs.
func NewChooser(
	store Meta, set netip.Prefix, least int, look func(ctx context.Context) ([]Need, error), log *slog.Logger,
) *Chooser {
	return &Chooser{store: store, set: set, least: least, look: look, log: log, told: func(string) {}}
}

// OnChange has a function called with the pool and those before it, now and whenever they change.
func (c *Chooser) OnChange(f func(pools []netip.Prefix)) {
	c.mu.Lock()
	c.changed = append(c.changed, f)
	pools := c.now.all()
	c.mu.Unlock()
	f(pools)
}

// OnTrouble has a function called with what everybody should know: that the pool had to be changed, or cannot be used
// as it is.
func (c *Chooser) OnTrouble(f func(message string)) { c.told = f }

// Pools are the pool that new networks come from, and then those before it that are still in use.
func (c *Chooser) Pools() []netip.Prefix {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.all()
}

// Pool is the one that new networks come from.
func (c *Chooser) Pool() netip.Prefix { return c.Pools()[0] }

// Contains says whether an address is one of the pool, or of one before it.
func (c *Chooser) Contains(a netip.Addr) bool {
	return slices.ContainsFunc(c.Pools(), func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// Used are all pools that this deployment ever had: a guard that nobody holds there was left by a sidecar that was
// killed.
func (c *Chooser) Used() []netip.Prefix {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(c.now.all(), c.now.Used...)
}

// Needed says whether a network holds something that this host needs, by the last look: it is neither handed out nor
// covered.
func (c *Chooser) Needed(network netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.needs, func(n Need) bool { return !n.Soft && n.Prefix.Overlaps(network) })
}

func (c choice) all() []netip.Prefix {
	if !c.Pool.IsValid() {
		return nil
	}
	return append([]netip.Prefix{c.Pool}, c.Before...)
}

// Choose takes the pool that is kept, or chooses one and keeps it. A pool that is set and holds something that this
// host needs is refused.
func (c *Chooser) Choose(ctx context.Context) error {
	needs, err := c.lookAgain(ctx)
	if err != nil {
		c.log.Warn("host networks partly unknown; choosing the subnet pool without them", "err", err)
	}
	if c.set.IsValid() {
		if why := forbids(c.set, needs); why != "" {
			return fmt.Errorf(
				"SUBNET_POOL=%s holds %s: the host could lose it, and instances be taken for it. %s", c.set, why, c.instead(needs),
			)
		}
	}
	return c.settle(ctx, needs)
}

// lookAgain lists what this host needs. What cannot be found out now is as it was.
func (c *Chooser) lookAgain(ctx context.Context) ([]Need, error) {
	needs, err := c.look(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		for _, n := range c.needs {
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	c.needs = needs
	return needs, err
}

// Would is the pool that Choose would take now, why it must not be used if there is no better, and what this host
// needs. Nothing is written.
func (c *Chooser) Would(ctx context.Context) (pool netip.Prefix, why string, needs []Need, err error) {
	needs, unknown := c.look(ctx)
	var now choice
	err = c.store.ChangeMeta(ctx, metaName, func(text string) string {
		if text != "" {
			err = json.Unmarshal([]byte(text), &now)
		}
		return text
	})
	now, why = c.next(now, needs)
	return now.Pool, why, needs, errors.Join(err, unknown)
}

func (c *Chooser) instead(needs []Need) string {
	if free, ok := pick(needs, choice{Pool: c.set}, c.least); ok {
		return fmt.Sprintf("Leave it empty, and %s is chosen", free)
	}
	return "Set it to an IPv4 network that nothing else uses"
}

// settle writes the choice that follows from the needs and the one that is kept, and makes it known.
func (c *Chooser) settle(ctx context.Context, needs []Need) error {
	held, err := c.store.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	var next choice
	var trouble string
	var wrong error
	err = c.store.ChangeMeta(ctx, metaName, func(text string) string {
		next, wrong = choice{}, nil
		if text != "" {
			if wrong = json.Unmarshal([]byte(text), &next); wrong != nil {
				wrong = fmt.Errorf("the choice of the pool that the database keeps cannot be read: %w", wrong)
				return text
			}
		}
		next, trouble = c.next(next, needs)
		if !next.Pool.IsValid() {
			wrong = errors.New(
				"every range that a pool is chosen from holds something that this host needs: set SUBNET_POOL to an IPv4 network that nothing uses",
			)
			return text
		}
		next.Before = slices.DeleteFunc(next.Before, func(p netip.Prefix) bool { return p == next.Pool || !anyIn(p, held) })
		var out []byte
		out, wrong = json.Marshal(next)
		return string(out)
	})
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	c.adopt(next, trouble)
	return nil
}

func anyIn(pool netip.Prefix, held map[netip.Prefix]string) bool {
	for p := range held {
		if pool.Overlaps(p) {
			return true
		}
	}
	return false
}

// next is the choice after this one, and what is wrong with it if there is no better.
func (c *Chooser) next(now choice, needs []Need) (choice, string) {
	to := c.set
	if !to.IsValid() {
		to = now.Pool
	}
	why := ""
	if to.IsValid() {
		why = forbids(to, needs)
	}
	if !c.set.IsValid() && (!to.IsValid() || why != "") {
		if to.IsValid() {
			if now.Refused == nil {
				now.Refused = map[netip.Prefix]string{}
			}
			now.Refused[to] = why
		}
		if better, ok := pick(needs, now, c.least); ok {
			to, why = better, ""
		}
	}
	if now.Pool.IsValid() && now.Pool != to {
		for _, list := range []*[]netip.Prefix{&now.Before, &now.Used} {
			if !slices.Contains(*list, now.Pool) {
				*list = append(*list, now.Pool)
			}
		}
	}
	now.Pool = to
	return now, why
}

// pick is the first candidate that holds nothing, was not given up before and is large enough; else one that is not
// quite that, but never one that holds what forbids it.
func pick(needs []Need, now choice, least int) (netip.Prefix, bool) {
	for _, strict := range []struct{ soft, refused, room bool }{
		{true, true, true}, {true, true, false}, {false, true, false},
	} {
		for _, p := range Candidates {
			_, refused := now.Refused[p]
			switch {
			case forbids(p, needs) != "", strict.soft && len(Held(p, needs)) > 0, strict.refused && refused,
				strict.room && least > 1<<(Bits-p.Bits()):
			default:
				return p, true
			}
		}
	}
	return netip.Prefix{}, false
}

// adopt makes a choice the one in force.
func (c *Chooser) adopt(next choice, trouble string) {
	c.mu.Lock()
	before, known := c.now, c.trouble
	c.now, c.trouble = next, trouble
	changed := slices.Clone(c.changed)
	c.mu.Unlock()
	if before.Pool.IsValid() && before.Pool != next.Pool {
		message := fmt.Sprintf(
			"New instances get networks of %s instead of %s, which holds %s; what runs goes on where it is", next.Pool,
			before.Pool, next.Refused[before.Pool],
		)
		c.log.Warn(
			"another pool is used from now on", "pool", next.Pool, "before", before.Pool, "reason", next.Refused[before.Pool],
		)
		c.told(message)
	}
	if trouble != "" && trouble != known {
		c.log.Error(
			"the pool holds what this host needs", "pool", next.Pool, "holds", trouble, "help",
			"set SUBNET_POOL to an IPv4 network that nothing uses",
		)
		c.told(fmt.Sprintf("The pool %s holds %s: set SUBNET_POOL to a network that nothing uses", next.Pool, trouble))
	}
	if !slices.Equal(before.all(), next.all()) {
		for _, f := range changed {
			f(next.all())
		}
	}
}

// Ping says whether the pool holds what this host needs.
func (c *Chooser) Ping(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble != "" {
		return fmt.Errorf("the pool %s holds %s", c.now.Pool, c.trouble)
	}
	return nil
}

// Run looks again whenever this host's routes, addresses or name servers have changed, until ctx ends.
func (c *Chooser) Run(ctx context.Context, changes <-chan struct{}) error {
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-again.C:
		}
		needs, err := c.lookAgain(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.Debug("not all that this host reaches is known", "err", err)
		}
		if err := c.settle(ctx, needs); err != nil && ctx.Err() == nil {
			c.log.Error("subnet pool check failed", "err", err)
		}
	}
}

// Explain says what check should: the pool that is or would be used, and why those before it are not.
func Explain(pool netip.Prefix, needs []Need) string {
	var why []string
	for _, p := range Candidates {
		if p == pool {
			break
		}
		if held := Held(p, needs); len(held) > 0 {
			why = append(why, fmt.Sprintf("%s holds %s", p, held[0].What))
		}
	}
	return strings.Join(why, "; ")
}
