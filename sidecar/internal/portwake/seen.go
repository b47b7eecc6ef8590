package portwake

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/whaley-ctf/whaley/shared/turn"
)

const (
	lately   = 12 * time.Hour
	mostSeen = 50_000 // sign-ins that are remembered: the one that was used the longest ago gives way
	mostFrom = 16     // places of each: one who comes from ever new ones takes the room of nobody else
)

// Places remember where sign-ins were used lately, in memory and without the addresses themselves. After a restart they
// fill again with the next requests; until then where somebody signed in counts.
type Places struct {
	seed maphash.Seed

	mu sync.Mutex
	of *lru.Cache[string, []place] // session → where it was used, the latest last
}

type place struct {
	key uint64
	at  time.Time
}

// NewPlaces makes empty ones.
func NewPlaces() *Places {
	of, err := lru.New[string, []place](mostSeen)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Places{seed: maphash.MakeSeed(), of: of}
}

func (p *Places) key(from netip.Addr) uint64 { return maphash.String(p.seed, turn.Of(from.Unmap())) }

// Note that a sign-in was used from an address.
func (p *Places) Note(session string, from netip.Addr) {
	if session == "" || !from.IsValid() {
		return
	}
	now := place{p.key(from), time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	all, _ := p.of.Get(session)
	all = append(slices.DeleteFunc(all, func(was place) bool { return was.key == now.key }), now)
	if len(all) > mostFrom {
		all = slices.Delete(all, 0, 1)
	}
	p.of.Add(session, all)
}

// From implements Seen.
func (p *Places) From(session string, from netip.Addr) bool {
	key := p.key(from)
	p.mu.Lock()
	defer p.mu.Unlock()
	all, _ := p.of.Peek(session)
	for _, was := range all {
		if was.key == key {
			return time.Since(was.at) < lately
		}
	}
	return false
}
