package memtest

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// solved is when owners solved challenges.
type solved struct {
	mu  sync.Mutex
	all map[string]map[string]time.Time
}

func (s *solved) SolvedAt(_ context.Context, owner string) (map[string]time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.all[owner]), nil
}

// solve says that an owner has solved challenges now.
func (s *solved) solve(owner string, challenges ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]map[string]time.Time{}
	}
	s.all[owner] = map[string]time.Time{}
	for _, ch := range challenges {
		s.all[owner][ch] = time.Now()
	}
}

func TestAnInstanceEndsSomeTimeAfterItsOwnersSolve(t *testing.T) {
	ch, on := built("web"), built("other")
	ch.StopOnSolve = 5 * time.Minute
	inMemory(t, func(w *world) {
		w.solved.solve("early", "web")
		time.Sleep(time.Minute)
		ada, bob, early := w.running("ada", "web"), w.running("bob", "web"), w.running("early", "web")
		goesOn := w.running("ada", "other")
		w.solved.solve("ada", "web", "other")
		time.Sleep(time.Minute)
		synctest.Wait()
		ends := w.get(ada.ID).ExpiresAt
		if left := time.Until(ends); left < 4*time.Minute || left > 5*time.Minute {
			w.t.Errorf("solved, it runs for %s", left)
		}
		if extended, err := w.rules.ExtendAny(w.t.Context(), ada.ID, "an organiser"); err != nil ||
			!extended.ExpiresAt.Equal(ends.Add(30*time.Minute)) {
			w.t.Errorf("extended, it runs until %v: %v", extended, err)
		}
		time.Sleep(20 * time.Minute)
		w.until(ada, whaley.Running)
		time.Sleep(16 * time.Minute)
		if now := w.get(ada.ID); now.State != whaley.Stopped || now.StopCause != whaley.CauseExpired {
			w.t.Errorf("its time is up, and it is %s by %q", now.State, now.StopCause)
		}
		for _, in := range []*whaley.Instance{bob, early, goesOn} { // not solved, solved before, of no such challenge
			if now := w.get(in.ID); now.State != whaley.Running || !now.ExpiresAt.Equal(in.ExpiresAt) {
				w.t.Errorf("%s of %s is %s until %s", in.Challenge, in.Owner.ID, now.State, now.ExpiresAt)
			}
		}
	}, ch, on)
}

func TestAThrowAwayInstanceLastsAsLongAsWasSaid(t *testing.T) {
	ch := sleepy()
	onEngine(t, func(w *world) {
		in, err := w.rules.SpawnThrowAway(w.t.Context(), player("solver").Owner, "web", 5*time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		in = w.until(in, whaley.Running)
		if lasts := in.ExpiresAt.Sub(in.StartedAt); lasts != 5*time.Minute || in.Terms.Idle != 0 {
			w.t.Errorf("it lasts %s, and sleeps after %s", lasts, in.Terms.Idle)
		}
	}, ch)
}
