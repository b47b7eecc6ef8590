package opening_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type chained struct{ *store.Store }

func (chained) Mappings(context.Context) ([]*whaley.Mapping, error) {
	return []*whaley.Mapping{{Challenge: "first", CTFdChallenge: 1}, {Challenge: "second", CTFdChallenge: 2}}, nil
}

// lookedAt is what is open, once the board has been read.
func lookedAt(t *testing.T, board *ctfdtest.Server) *opening.Opening {
	t.Helper()
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	o := opening.New(client, chained{db}, func() bool { return true }, slog.New(slog.DiscardHandler))
	if err := o.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhatHasToBeSolvedFirstLocksAChallengeForWhoHasNot(t *testing.T) {
	for _, mode := range []string{"teams", "users"} {
		t.Run(mode, func(t *testing.T) {
			board := ctfdtest.New(t)
			board.SetMode(mode)
			first := board.AddChallenge(ctfdtest.Challenge{Name: "first"})
			gone := board.AddChallenge(ctfdtest.Challenge{Name: "second"})
			board.ChangeChallenge(gone, func(c *ctfdtest.Challenge) { c.Requires = []int{first, 77} }) // 77 was deleted
			board.AddFlag(first, "right")
			team := board.AddTeam(ctfdtest.Team{Name: "red"})
			player := board.AddUser(ctfdtest.User{Name: "ada", Team: team})
			owner := whaley.Owner{ID: whaley.UserID(player)}
			if mode == "teams" {
				owner.ID = whaley.TeamID(team)
			}
			o := lookedAt(t, board)
			closed := func(id string, who whaley.Player) string {
				return code(o.Closed(who, &whaley.Challenge{ID: id}, time.Now()))
			}
			ada := whaley.Player{ID: whaley.UserID(player), Owner: owner}
			other := whaley.Player{ID: "user_99", Owner: whaley.Owner{ID: owner.ID + "9"}}
			if got := closed("first", ada) + closed("second", ada); got != "challenge_not_found" {
				t.Errorf("before it is solved: %q", got)
			}
			if got := closed("second", whaley.Player{Organiser: true, Owner: owner}); got != "" {
				t.Errorf("an organiser: %q", got)
			}
			ctx, end := context.WithCancel(t.Context())
			over := make(chan error, 1)
			go func() { over <- o.Run(ctx) }()
			if got := board.Attempt(player, first, "right"); got != "correct" {
				t.Fatal(got)
			}
			// Who asks and is refused has CTFd looked at again soon, not only at the next turn.
			unlocked(t, func() string { return closed("second", ada) })
			end()
			if err := <-over; err != nil {
				t.Error(err)
			}
			if got := closed("second", other); got != "challenge_not_found" {
				t.Errorf("of somebody else: %q", got)
			}
		})
	}
}

// TestWhatAHiddenTeamHasSolvedCountsForIt: organisers who try their event before it begins are hidden, and CTFd's list
// of solves leaves them out.
func TestWhatAHiddenTeamHasSolvedCountsForIt(t *testing.T) {
	for _, mode := range []string{"teams", "users"} {
		t.Run(mode, func(t *testing.T) {
			board := ctfdtest.New(t)
			board.SetMode(mode)
			first := board.AddChallenge(ctfdtest.Challenge{Name: "first"})
			second := board.AddChallenge(ctfdtest.Challenge{Name: "second"})
			board.ChangeChallenge(second, func(c *ctfdtest.Challenge) { c.Requires = []int{first} })
			board.AddFlag(first, "right")
			owners := map[string]whaley.Owner{}
			for _, name := range []string{"hidden", "seen", "hidden and has not"} {
				hidden := name != "seen"
				team := board.AddTeam(ctfdtest.Team{Name: name, Hidden: hidden})
				player := board.AddUser(ctfdtest.User{Name: name, Team: team, Hidden: hidden})
				owners[name] = whaley.Owner{ID: whaley.UserID(player)}
				if mode == "teams" {
					owners[name] = whaley.Owner{ID: whaley.TeamID(team)}
				}
				if name == "hidden and has not" {
					continue
				}
				if got := board.Attempt(player, first, "right"); got != "correct" {
					t.Fatal(got)
				}
			}
			o := lookedAt(t, board)
			for name, owner := range owners {
				want := map[bool]string{true: "challenge_not_found"}[name == "hidden and has not"]
				why := o.Closed(whaley.Player{Owner: owner}, &whaley.Challenge{ID: "second"}, time.Now())
				if got := code(why); got != want {
					t.Errorf("%s: %q instead of %q", name, got, want)
				}
			}
		})
	}
}

// TestWhatHasToBeSolvedFirstIsKnownWithoutExports: before 3.8 CTFd says it of each challenge alone, and is asked once
// in ten minutes.
func TestWhatHasToBeSolvedFirstIsKnownWithoutExports(t *testing.T) {
	board := ctfdtest.New(t)
	board.As(7)
	first := board.AddChallenge(ctfdtest.Challenge{Name: "first"})
	second := board.AddChallenge(ctfdtest.Challenge{Name: "second", Requires: []int{first, 77}})
	board.AddFlag(first, "right")
	player := board.AddUser(ctfdtest.User{Name: "ada"})
	ada := whaley.Player{ID: whaley.UserID(player), Owner: whaley.Owner{ID: whaley.UserID(player)}}
	o := lookedAt(t, board)
	closed := func(id string) string { return code(o.Closed(ada, &whaley.Challenge{ID: id}, time.Now())) }
	if got := closed("first") + closed("second"); got != "challenge_not_found" {
		t.Errorf("before it is solved: %q", got)
	}
	if got := board.Attempt(player, first, "right"); got != "correct" {
		t.Fatal(got)
	}
	ctx, end := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- o.Run(ctx) }()
	unlocked(t, func() string { return closed("second") })
	end()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if n := board.Calls(fmt.Sprintf("GET /api/v1/challenges/%d/requirements", second)); n != 1 {
		t.Errorf("what it requires was asked %d times", n)
	}
}

// unlocked waits until a challenge is closed for no reason any more.
func unlocked(t *testing.T, closed func() string) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, "it is unlocked", func() error {
		if why := closed(); why != "" {
			return errors.New(why)
		}
		return nil
	})
}
