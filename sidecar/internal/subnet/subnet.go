// Package subnet hands out parts of the pool. Which are taken is said by unique rows in the store; the memory here
// only avoids asking for those that are known to be.
package subnet

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Bits is the size of a part: 13 containers, the gateway, and the two addresses that a network keeps.
const Bits = 28

// avoidFor is how long a subnet that the engine refused is not offered again.
const avoidFor = 10 * time.Minute

// Store is where reservations are kept.
type Store interface {
	HeldSubnets(ctx context.Context) (map[netip.Prefix]string, error)
	TakeSubnet(ctx context.Context, prefix netip.Prefix, instance string) error // CodeSubnetTaken
	DropSubnets(ctx context.Context, instance string) error
}

// Pool implements containers.Subnets.
type Pool struct {
	store Store

	mu     sync.Mutex
	prefix netip.Prefix
	base   uint32
	count  uint32
	next   uint32 // goes round, so that a released subnet rests before its address is used again
	held   map[netip.Prefix]string
	hosts  map[netip.Prefix]bool      // parts that the host itself used when held was read
	avoid  map[netip.Prefix]time.Time // what the engine refused, until when
	host   func() ([]netip.Prefix, error)
	guard  *Guard // nil: unused addresses are left as they are
	needed func(netip.Prefix) bool
}

var _ containers.Subnets = (*Pool)(nil)

// New makes a pool of an IPv4 prefix of at most /28.
func New(store Store, pool netip.Prefix) (*Pool, error) {
	p := &Pool{store: store, avoid: map[netip.Prefix]time.Time{}, host: hostNetworks,
		needed: func(netip.Prefix) bool { return false }}
	return p, p.Move(pool)
}

// Move lets what is reserved from now on come from another prefix. What was reserved before stays.
func (p *Pool) Move(pool netip.Prefix) error {
	if !pool.Addr().Is4() || pool.Bits() > Bits || pool.Bits() < 8 {
		return whaley.Errorf(
			whaley.Invalid, "subnet_pool_invalid", "SUBNET_POOL %s must be an IPv4 network between /8 and /%d.", pool, Bits,
		)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prefix = pool.Masked()
	base := p.prefix.Addr().As4()
	p.base, p.count = binary.BigEndian.Uint32(base[:]), uint32(1)<<(Bits-pool.Bits())
	p.next = rand.Uint32N(p.count) // what was released just before a restart rests too
	p.held = nil                   // what the host uses there is not known yet
	return nil
}

// GuardedBy lets a guard know what is reserved and released.
func (p *Pool) GuardedBy(g *Guard) { p.guard = g }

// Except keeps networks from being handed out, as long as a function says so of them.
func (p *Pool) Except(needed func(network netip.Prefix) bool) { p.needed = needed }

// Holds says whether a network is one of those that the pool gives now.
func (p *Pool) Holds(network netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prefix.Overlaps(network)
}

// Reserve returns the instance's subnet, reserving one if it has none.
func (p *Pool) Reserve(ctx context.Context, instance string) (netip.Prefix, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for reloaded := false; ; {
		if err := p.load(ctx); err != nil {
			return netip.Prefix{}, err
		}
		for prefix, holder := range p.held {
			if holder == instance {
				p.guard.Hold(prefix)
				return prefix, nil
			}
		}
		prefix, ok := p.candidate()
		if !ok && !reloaded {
			p.held, reloaded = nil, true // another sidecar may have released some, or the host
			continue
		}
		if !ok {
			return netip.Prefix{}, whaley.Errorf(whaley.Unavailable, "subnets_exhausted",
				"This host has no free network left. Try again when others have stopped theirs, or tell an organiser (SUBNET_POOL).").After(
				30 * time.Second,
			)
		}
		err := p.store.TakeSubnet(ctx, prefix, instance)
		switch {
		case err == nil:
			p.held[prefix] = instance
			p.guard.Hold(prefix)
			return prefix, nil
		case whaley.CodeOf(err) == whaley.CodeSubnetTaken:
			p.held = nil // another sidecar was first: what it holds is known after the next load
		default:
			return netip.Prefix{}, err
		}
	}
}

// Count is how many parts the pool has, free or not.
func (p *Pool) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.count)
}

// candidate is the next part that nobody is known to hold.
func (p *Pool) candidate() (netip.Prefix, bool) {
	now := time.Now()
	for range p.count {
		prefix := p.part(p.next)
		p.next = (p.next + 1) % p.count
		if _, taken := p.held[prefix]; !taken && !p.hosts[prefix] && !now.Before(p.avoid[prefix]) && !p.needed(prefix) {
			return prefix, true
		}
	}
	return netip.Prefix{}, false
}

// load reads the reservations once, and leaves out what the host itself uses.
func (p *Pool) load(ctx context.Context) error {
	if p.held != nil {
		return nil
	}
	held, err := p.store.HeldSubnets(ctx)
	if err != nil {
		return err
	}
	networks, err := p.host()
	if err != nil {
		return err
	}
	hosts := map[netip.Prefix]bool{}
	for _, network := range networks {
		for n, end := p.within(network); n < end; n++ {
			if part := p.part(n); held[part] == "" {
				hosts[part] = true
			}
		}
	}
	p.held, p.hosts = held, hosts
	return nil
}

// within are the numbers of the parts that a network overlaps, from the first to one after the last.
func (p *Pool) within(network netip.Prefix) (first, end uint32) {
	bytes := network.Masked().Addr().As4()
	const size = 1 << (32 - Bits)
	from := uint64(binary.BigEndian.Uint32(bytes[:]))
	to := from + 1<<(32-network.Bits())
	base, over := uint64(p.base), uint64(p.base)+uint64(p.count)*size
	if from, to = max(from, base), min(to, over); from >= to {
		return 0, 0
	}
	return uint32((from - base) / size), uint32((to - base + size - 1) / size)
}

func (p *Pool) part(n uint32) netip.Prefix {
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], p.base+n<<(32-Bits))
	return netip.PrefixFrom(netip.AddrFrom4(address), Bits)
}

// Avoid releases a subnet and does not offer it for a while.
func (p *Pool) Avoid(ctx context.Context, instance string, prefix netip.Prefix) error {
	p.mu.Lock()
	p.avoid[prefix] = time.Now().Add(avoidFor)
	p.mu.Unlock()
	return p.Release(ctx, instance)
}

// Release ends the reservations of an instance and its parts; none is no error.
func (p *Pool) Release(ctx context.Context, instance string) error {
	if err := p.store.DropSubnets(ctx, instance); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for prefix, holder := range p.held {
		if holder == instance || strings.HasPrefix(holder, instance+"/") {
			delete(p.held, prefix)
			p.guard.Let(prefix)
		}
	}
	return nil
}

// Holders lists the instances that have a reservation.
func (p *Pool) Holders(ctx context.Context) ([]string, error) {
	held, err := p.store.HeldSubnets(ctx)
	var all []string
	for _, holder := range held {
		instance, _, _ := strings.Cut(holder, "/")
		all = append(all, instance)
	}
	slices.Sort(all)
	return slices.Compact(all), err
}
