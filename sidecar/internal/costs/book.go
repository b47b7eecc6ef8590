package costs

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	mostSeen  = 64 // instances of a challenge that are remembered, the latest
	keepEvery = 30 * time.Second
	lastWrite = 5 * time.Second
)

// Store keeps what was seen.
type Store interface {
	// Costs is what was kept, by challenge.
	Costs(ctx context.Context) (map[string][]whaley.Seen, error)
	// KeepCosts writes what was seen of a challenge, in the place of what was kept of it.
	KeepCosts(ctx context.Context, challenge string, seen []whaley.Seen) error
}

// Use is what an instance that runs uses at the moment.
type Use struct {
	Instance, Challenge, Revision string
	Memory                        int64 // bytes
	CPUs                          float64
}

// Book is what is remembered. Make it with New; Run keeps it.
type Book struct {
	store Store
	looks func() (at time.Time, uses []Use)
	log   *slog.Logger

	mu      sync.Mutex
	seen    map[string][]whaley.Seen // challenge → the latest last
	changed map[string]bool          // challenges of which something is not written yet
	looked  time.Time
}

// New makes a Book of what is kept. looks is the newest look at all that runs, and when that was.
func New(ctx context.Context, store Store, looks func() (time.Time, []Use), log *slog.Logger) (*Book, error) {
	seen, err := store.Costs(ctx)
	if err != nil {
		return nil, err
	}
	if seen == nil {
		seen = map[string][]whaley.Seen{}
	}
	return &Book{store: store, looks: looks, log: log, seen: seen, changed: map[string]bool{}}, nil
}

// Run looks and keeps until ctx ends.
func (b *Book) Run(ctx context.Context) error {
	for loop.Sleep(ctx, keepEvery) == nil {
		b.look()
		b.keep(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	b.keep(last)
	return nil
}

// look takes the newest look into what is remembered, once.
func (b *Book) look() {
	at, uses := b.looks()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !at.After(b.looked) {
		return
	}
	b.looked = at
	for _, u := range uses {
		b.change(u.Challenge, u.Instance, u.Revision, func(s *whaley.Seen) {
			s.CPUs = (s.CPUs*float64(s.Looks) + u.CPUs) / float64(s.Looks+1)
			s.Memory, s.Looks = max(s.Memory, u.Memory), s.Looks+1
		})
	}
}

// Started is told how long an instance's start had its slot.
func (b *Book) Started(in *whaley.Instance, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.change(in.Challenge, in.ID, in.Revision, func(s *whaley.Seen) { s.Start = took })
}

// change changes what is remembered of one instance.
func (b *Book) change(challenge, instance, revision string, do func(*whaley.Seen)) {
	all := b.seen[challenge]
	for n := range all {
		if all[n].Instance == instance {
			do(&all[n])
			b.changed[challenge] = true
			return
		}
	}
	all = append(all, whaley.Seen{Instance: instance, Revision: revision})
	do(&all[len(all)-1])
	b.seen[challenge], b.changed[challenge] = all[max(0, len(all)-mostSeen):], true
}

// keep writes what has changed. What could not be written is tried again.
func (b *Book) keep(ctx context.Context) {
	b.mu.Lock()
	changed := map[string][]whaley.Seen{}
	for challenge := range b.changed {
		changed[challenge] = append([]whaley.Seen(nil), b.seen[challenge]...)
	}
	clear(b.changed)
	b.mu.Unlock()
	for challenge, seen := range changed {
		if err := b.store.KeepCosts(ctx, challenge, seen); err != nil {
			b.log.WarnContext(ctx, "costs of a challenge not kept yet", "challenge", challenge, "err", err)
			b.mu.Lock()
			b.changed[challenge] = true
			b.mu.Unlock()
		}
	}
}

// All are the costs of all challenges, by what was seen of any revision.
func (b *Book) All() map[string]whaley.Cost {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]whaley.Cost{}
	for challenge := range maps.Keys(b.seen) {
		all[challenge] = costOf(b.seen[challenge])
	}
	return all
}
