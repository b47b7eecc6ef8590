package sni

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// askEvery is how often the database is asked for owners at most: each name of nobody's would be a question.
const askEvery = time.Second

// ByAddress are the owners where an address is enough to know somebody (AUTH_MODE=none).
type ByAddress func(netip.Addr) whaley.Player

// Owner implements Owners. Whether the name is theirs is for the rules to say.
func (b ByAddress) Owner(_ context.Context, _ host.Name, from netip.Addr) (whaley.Player, bool) {
	p := b(from)
	return p, p.Known()
}

// Sessions are the sign-ins of players that are not over.
type Sessions interface {
	// SignedInOwners are the owners that anybody is signed in for, in a fixed order.
	SignedInOwners(ctx context.Context) ([]string, error)
	// SignedIn lists the sign-ins for an owner, the latest first.
	SignedIn(ctx context.Context, owner string) ([]whaley.Session, error)
}

// Players know what has become of somebody who signed in: they may be banned, or of another team.
type Players interface {
	Holder(ctx context.Context, player, owner, session string) (whaley.Player, bool, error)
}

// BySession are the owners that anybody is signed in for. The slug in a name is made of its owner and cannot be turned
// around, so those of all owners are made, for each challenge that is asked for, and kept.
type BySession struct {
	sessions Sessions
	players  Players
	key      []byte
	flight   singleflight.Group

	mu     sync.Mutex
	asked  time.Time
	owners []string
	slugs  map[string]map[string]string // challenge → slug → owner
}

// NewBySession makes owners for the key of slugs.
func NewBySession(sessions Sessions, players Players, key []byte) *BySession {
	return &BySession{sessions: sessions, players: players, key: key, slugs: map[string]map[string]string{}}
}

// Owner implements Owners.
func (b *BySession) Owner(ctx context.Context, name host.Name, _ netip.Addr) (whaley.Player, bool) {
	owner, ok := b.find(name)
	if !ok { // they may have signed in since
		if b.ask(ctx) != nil {
			return whaley.Player{}, false
		}
		if owner, ok = b.find(name); !ok {
			return whaley.Player{}, false
		}
	}
	sessions, err := b.sessions.SignedIn(ctx, owner)
	if err != nil {
		return whaley.Player{}, false
	}
	tried := map[string]bool{}
	for _, s := range sessions {
		if tried[s.Player.ID] {
			continue
		}
		tried[s.Player.ID] = true
		if p, holds, err := b.players.Holder(ctx, s.Player.ID, owner, s.ID); err == nil && holds {
			return p, true
		}
	}
	return whaley.Player{}, false
}

func (b *BySession) find(name host.Name) (owner string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	slugs := b.slugs[name.Challenge]
	if slugs == nil {
		slugs = make(map[string]string, len(b.owners))
		for _, owner := range b.owners {
			slugs[whaley.Slug(b.key, owner, name.Challenge)] = owner
		}
		b.slugs[name.Challenge] = slugs
	}
	owner, ok = slugs[name.Slug]
	return owner, ok
}

// ask reads the owners anew, not sooner than askEvery after the last time; whoever asks meanwhile gets the same answer.
func (b *BySession) ask(ctx context.Context) error {
	result := b.flight.DoChan("", func() (any, error) {
		b.mu.Lock()
		wait := time.Until(b.asked.Add(askEvery))
		b.mu.Unlock()
		time.Sleep(wait)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		owners, err := b.sessions.SignedInOwners(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asked = time.Now()
		if err == nil && !slices.Equal(owners, b.owners) {
			b.owners = owners
			clear(b.slugs)
		}
		return nil, err
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
