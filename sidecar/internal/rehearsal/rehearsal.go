// Package rehearsal has teams play that are none: synthetic owners with tickets of their own, whose instances are as
// real as anybody's. Who plays for them is package rehearse, by whatever way players come in.
//
// It promises: there is one rehearsal at a time; it outlives the process if whoever plays says so; it is over soon
// after they are heard of no more; and nothing of it is left then, on the engine or in the database.
package rehearsal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	patience = 30 * time.Second // without a word from who plays
	look     = 2 * time.Second
	ending   = 10 * time.Minute
	poll     = 200 * time.Millisecond
)

// Ender takes instances down.
type Ender interface {
	End(ctx context.Context, id, cause string) error
}

// Store knows what teams of rehearsals have.
type Store interface {
	SyntheticLive(ctx context.Context, prefix string) ([]*whaley.Instance, error)
	ForgetSynthetic(ctx context.Context) error
}

// Stage is where the one rehearsal takes place.
type Stage struct {
	rules Ender
	store Store
	log   *slog.Logger

	mu    sync.Mutex
	id    string // of the rehearsal under way; empty: there is none
	teams int
	heard time.Time
}

// New makes a Stage on which nothing takes place.
func New(rules Ender, store Store, log *slog.Logger) *Stage {
	return &Stage{rules: rules, store: store, log: log}
}

// Begin begins a rehearsal of some teams, or goes on with one that another process has begun, if again names it.
func (s *Stage) Begin(teams int, again string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again != "" && (s.id == "" || s.id == again) {
		s.id, s.teams, s.heard = again, teams, time.Now()
		return s.id, nil
	}
	if s.id != "" {
		return "", whaley.Errorf(
			whaley.Conflict, "rehearsal_running", "A rehearsal takes place already. It is over %d s after its command ended.",
			int(patience.Seconds()),
		)
	}
	var name [16]byte
	_, _ = rand.Read(name[:]) // never fails
	s.id, s.teams, s.heard = hex.EncodeToString(name[:]), teams, time.Now()
	return s.id, nil
}

// Heard says that whoever plays a rehearsal is still there. It refuses if that one is over.
func (s *Stage) Heard(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" || s.id != id || s.teams == 0 {
		return errOver()
	}
	s.heard = time.Now()
	return nil
}

func errOver() error {
	return whaley.Errorf(whaley.NotFound, "rehearsal_over", "This rehearsal is over.")
}

// Team is the nth player of a rehearsal under way.
func (s *Stage) Team(id string, n int) (whaley.Player, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" || s.id != id || n < 0 || n >= s.teams {
		return whaley.Player{}, errOver()
	}
	return whaley.RehearsalTeam(id, n), nil
}

// Plays says whether an owner is a team of the rehearsal under way.
func (s *Stage) Plays(owner string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id != "" && strings.HasPrefix(owner, whaley.RehearsalTeams(s.id))
}

// Live are the instances that the rehearsal has.
func (s *Stage) Live(ctx context.Context, id string) ([]*whaley.Instance, error) {
	return s.store.SyntheticLive(ctx, whaley.RehearsalTeams(id))
}

// End takes all of a rehearsal away and returns when that is done. Another one may begin then.
func (s *Stage) End(ctx context.Context, id string) error {
	if id == "" {
		return errOver()
	}
	ctx, cancel := context.WithTimeout(ctx, ending)
	defer cancel()
	s.mu.Lock()
	if s.id == id {
		s.teams = 0 // nothing is started any more
	}
	s.mu.Unlock()
	for {
		live, err := s.Live(ctx, id)
		if err != nil {
			return err
		}
		if len(live) == 0 {
			break
		}
		for _, in := range live {
			if err := s.rules.End(ctx, in.ID, whaley.CauseAdmin); err != nil {
				return err
			}
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.store.ForgetSynthetic(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	if s.id == id {
		s.id = ""
	}
	s.mu.Unlock()
	s.adopt(ctx) // what a rehearsal before that one has left
	return nil
}

// adopt takes up what a process before has left: it is ended like any rehearsal, unless who plays it goes on.
func (s *Stage) adopt(ctx context.Context) {
	live, err := s.store.SyntheticLive(ctx, "")
	if err != nil {
		s.log.WarnContext(ctx, "what earlier rehearsals have left is not known, its time ends it", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range live {
		if id, is := whaley.RehearsalOf(in.Owner.ID); is && s.id == "" {
			s.id, s.teams, s.heard = id, 0, time.Now()
		}
	}
}

// Run ends a rehearsal that nobody plays any more, until ctx ends.
func (s *Stage) Run(ctx context.Context) error {
	s.adopt(ctx)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		s.mu.Lock()
		id, over := s.id, s.id != "" && time.Since(s.heard) > patience
		s.mu.Unlock()
		if !over {
			continue
		}
		s.log.WarnContext(ctx, "rehearsal is ended: who plays it is heard of no more", "rehearsal", id)
		if err := s.End(ctx, id); err != nil {
			s.log.WarnContext(ctx, "rehearsal not ended, it is tried again", "rehearsal", id, "err", err)
		}
	}
}
