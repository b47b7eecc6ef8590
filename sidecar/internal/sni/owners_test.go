package sni_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/sni"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// desk knows who is signed in, and who of them is banned or elsewhere now.
type desk struct {
	mu    sync.Mutex
	in    []whaley.Session
	out   map[string]bool
	asked int
	down  bool
}

func (d *desk) signIn(player, owner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = append(
		d.in, whaley.Session{ID: "of " + player, Player: whaley.Player{ID: player, Owner: whaley.Owner{ID: owner}}},
	)
}

func (d *desk) SignedInOwners(context.Context) (owners []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.down {
		return nil, errors.New("no database")
	}
	for _, s := range d.in {
		owners = append(owners, s.Player.Owner.ID)
	}
	slices.Sort(owners)
	return slices.Compact(owners), nil
}

func (d *desk) SignedIn(_ context.Context, owner string) (all []whaley.Session, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.in {
		if s.Player.Owner.ID == owner {
			all = append(all, s)
		}
	}
	return all, nil
}

func (d *desk) Holder(_ context.Context, player, owner, session string) (whaley.Player, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return whaley.Player{ID: player, Owner: whaley.Owner{ID: owner}, Session: session}, !d.out[player], nil
}

func slugOf(owner string) host.Name {
	return host.Name{Challenge: "pwn", Slug: whaley.Slug(key, owner, "pwn")}
}

func TestTheOwnerOfANameIsWhoIsSignedInAndStillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{out: map[string]bool{}}
		b := sni.NewBySession(d, d, key)
		whose := func(owner string) string {
			p, ok := b.Owner(t.Context(), slugOf(owner), from)
			if ok && p.Owner.ID != owner {
				t.Errorf("the name of %s is %s's", owner, p.Owner.ID)
			}
			return p.ID
		}
		if got := whose("team_1"); got != "" {
			t.Errorf("with nobody signed in it is %q", got)
		}
		d.signIn("user_1", "team_1")
		d.signIn("user_2", "team_1")
		d.signIn("user_3", "team_2")
		for owner, want := range map[string]string{"team_1": "user_1", "team_2": "user_3", "team_3": ""} {
			if got := whose(owner); got != want {
				t.Errorf("%s: %q, want %q", owner, got, want)
			}
		}
		d.out["user_1"] = true
		if got := whose("team_1"); got != "user_2" {
			t.Errorf("with one banned: %q", got)
		}
		d.out["user_2"] = true
		if got := whose("team_1"); got != "" {
			t.Errorf("with both banned: %q", got)
		}
		d.in = d.in[2:]
		if got := whose("team_1"); got != "" {
			t.Errorf("signed out: %q", got)
		}
		d.down = true
		if got := whose("team_2"); got != "user_3" {
			t.Errorf("one who is known, while the database asks for a moment: %q", got)
		}
	})
}

func TestNamesOfNobodyCostOneQuestionASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.signIn("user_1", "team_1")
		b := sni.NewBySession(d, d, key)
		began := time.Now()
		var all sync.WaitGroup
		for n := range 1000 {
			time.Sleep(10 * time.Millisecond)
			all.Go(func() {
				if p, ok := b.Owner(t.Context(), host.Name{Challenge: "pwn", Slug: "aaaaaaaaaaaaa"}, from); ok {
					t.Errorf("try %d is %s", n, p.ID)
				}
			})
		}
		all.Wait()
		if seconds := int(time.Since(began) / time.Second); d.asked > seconds+1 {
			t.Errorf("%d questions in %d s", d.asked, seconds)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok := b.Owner(ctx, slugOf("team_2"), from); ok {
			t.Error("one who did not wait is somebody")
		}
		synctest.Wait()
		time.Sleep(2 * time.Second) // until the question that nobody waits for any more has an answer
	})
}
