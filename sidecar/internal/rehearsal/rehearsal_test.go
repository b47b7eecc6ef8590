package rehearsal_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rehearsal"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// host has what teams have started, and is both rules and store.
type host struct {
	mu        sync.Mutex
	live      map[string]string // id → owner
	forgotten int
}

func (h *host) End(_ context.Context, id, _ string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, id)
	return nil
}

func (h *host) SyntheticLive(_ context.Context, prefix string) (all []*whaley.Instance, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, owner := range h.live {
		if whaley.Synthetic(owner) && strings.HasPrefix(owner, prefix) {
			all = append(all, &whaley.Instance{ID: id, Owner: whaley.Owner{ID: owner}})
		}
	}
	return all, nil
}

func (h *host) ForgetSynthetic(context.Context) error {
	h.forgotten++
	return nil
}

func TestARehearsalThatNobodyPlaysAnyMoreIsOverAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{live: map[string]string{}}
		s := rehearsal.New(h, h, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = s.Run(ctx) }()
		id, err := s.Begin(2, "")
		if err != nil {
			t.Fatal(err)
		}
		team, err := s.Team(id, 1)
		if err != nil || !s.Plays(team.Owner.ID) || !whaley.Synthetic(team.Owner.ID) || s.Plays("team_1") {
			t.Fatalf("%+v %v", team, err)
		}
		h.mu.Lock()
		h.live["theirs"], h.live["a player's"] = team.Owner.ID, "team_1"
		h.mu.Unlock()
		if _, err := s.Begin(1, ""); whaley.CodeOf(err) != "rehearsal_running" {
			t.Errorf("a second one began: %v", err)
		}
		for range 10 { // somebody plays
			time.Sleep(20 * time.Second)
			if err := s.Heard(id); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute) // their command was killed
		synctest.Wait()
		if len(h.live) != 1 || h.forgotten != 1 || s.Plays(team.Owner.ID) {
			t.Errorf("left: %v, forgotten %d times", h.live, h.forgotten)
		}
		if err := s.Heard(id); whaley.CodeOf(err) != "rehearsal_over" {
			t.Error(err)
		}
		if _, err := s.Begin(1, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestARehearsalGoesOnInTheNextProcessOrIsEndedByIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{live: map[string]string{}}
		log := slog.New(slog.DiscardHandler)
		id, err := rehearsal.New(h, h, log).Begin(2, "")
		if err != nil {
			t.Fatal(err)
		}
		team := whaley.RehearsalTeam(id, 1).Owner.ID
		h.live["theirs"], h.live["older"] = team, whaley.RehearsalTeam("older", 0).Owner.ID
		h.live["a player's"], h.live["a solver's"] = "team_1", whaley.SolverOwner("1").ID
		next := rehearsal.New(h, h, log) // the process before was killed
		if again, err := next.Begin(2, id); err != nil || again != id {
			t.Fatal(again, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = next.Run(ctx) }()
		time.Sleep(20 * time.Second)
		if err := next.Heard(id); err != nil || !next.Plays(team) {
			t.Errorf("it does not go on: %v", err)
		}
		if _, err := next.Begin(2, "another"); whaley.CodeOf(err) != "rehearsal_running" {
			t.Errorf("another one goes on beside it: %v", err)
		}
		time.Sleep(5 * time.Minute) // who played it is gone
		synctest.Wait()
		if len(h.live) != 2 {
			t.Errorf("left: %v", h.live)
		}
	})
}
