package portwake

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
)

const (
	lately   = 12 * time.Hour
	mostSeen = 50_000 // places that are remembered; then all older ones are forgotten at once
)

// Places remember where sign-ins were used lately, in memory and without the addresses themselves. After a restart they
// fill again with the next requests; until then where somebody signed in counts.
type Places struct {
	seed maphash.Seed

	mu       sync.Mutex
	now, old map[uint64]time.Time // those of the current generation and the one before
}

// NewPlaces makes empty ones.
func NewPlaces() *Places {
	return &Places{seed: maphash.MakeSeed(), now: map[uint64]time.Time{}, old: map[uint64]time.Time{}}
}

func (p *Places) key(session string, from netip.Addr) uint64 {
	return maphash.String(p.seed, session+"\x00"+turn.Of(from.Unmap()))
}

// Note that a sign-in was used from an address.
func (p *Places) Note(session string, from netip.Addr) {
	if session == "" || !from.IsValid() {
		return
	}
	key := p.key(session, from)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.now) >= mostSeen {
		p.now, p.old = map[uint64]time.Time{}, p.now
	}
	p.now[key] = time.Now()
}

// From implements Seen.
func (p *Places) From(session string, from netip.Addr) bool {
	key := p.key(session, from)
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.now[key]
	if !ok {
		at, ok = p.old[key]
	}
	return ok && time.Since(at) < lately
}
