package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// host is what runs, as challenge → owner, and what was ended why.
type host struct {
	rows    []whaley.LiveRow
	ended   []string
	failing error
	names   map[string]string // owners that got another
}

func (h *host) RenameOwner(_ context.Context, owner, name string) error {
	if h.names == nil {
		h.names = map[string]string{}
	}
	h.names[owner] = name
	return nil
}

func (h *host) LiveRows(context.Context) ([]whaley.LiveRow, error) {
	return slices.Clone(h.rows), nil
}

func (h *host) End(_ context.Context, id, cause string) error {
	if h.failing != nil {
		return h.failing
	}
	h.ended = append(h.ended, id+" "+cause)
	h.rows = slices.DeleteFunc(h.rows, func(row whaley.LiveRow) bool { return row.ID == id })
	return nil
}

func (h *host) runs(challenge, owner string) {
	h.rows = append(
		h.rows, whaley.LiveRow{ID: challenge + "-" + owner, Challenge: challenge, Owner: whaley.Owner{ID: owner}},
	)
}

// took says what was ended since it was last asked.
func (h *host) took() string {
	slices.Sort(h.ended)
	text := strings.Join(h.ended, ", ")
	h.ended = nil
	return text
}

func TestWhatRunsIsStoppedOnceWhenTheEventEnds(t *testing.T) {
	end := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	event, wanted, h := whaley.ScoreboardEvent{Ends: end}, false, &host{}
	last := &lastCall{
		wanted: func() bool { return wanted }, event: func() whaley.ScoreboardEvent { return event }, instances: h, rules: h,
		anyTime: func(id string) bool { return id == "survey" }, log: slog.New(slog.DiscardHandler),
	}
	h.runs("web", "team_1")
	h.runs("survey", "team_1")
	look := func(when time.Time, want, what string) {
		t.Helper()
		if last.look(t.Context(), when); h.took() != want {
			t.Errorf("%s: not %q", what, want)
		}
	}
	look(end.Add(time.Second), "", "STOP_AT_END=false")
	wanted = true
	look(end.Add(-time.Second), "", "a second before")
	h.failing = errors.New("the engine is away")
	look(end, "", "it cannot be stopped now")
	h.failing = nil
	look(end.Add(10*time.Second), "web-team_1 event_over", "at the next look")
	h.runs("web", "user_1") // an organiser tries something
	look(end.Add(time.Minute), "", "once")
	event.Ends = end.Add(time.Hour) // it is made longer, and ends again
	look(end.Add(2*time.Minute), "", "made longer")
	look(event.Ends, "web-user_1 event_over", "the other end")
	event = whaley.ScoreboardEvent{}
	h.runs("web", "team_2")
	look(end.Add(24*time.Hour), "", "CTFd is not followed, or has no end")
}

func TestInstancesOfBannedAndVanishedOwnersAreStopped(t *testing.T) {
	board := ctfdtest.New(t)
	board.SetMode("teams")
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, wanted, log := &host{}, false, slog.New(slog.DiscardHandler)
	players := identity.NewPlayers(
		client, nil, identity.PlayersOptions{TeamMode: identity.TeamsAuto, Fresh: time.Nanosecond}, log,
	)
	o := &owners{players: players, instances: h, rules: h, wanted: func() bool { return wanted }, log: log}
	players.OnSweep(o.look)
	for n := range 6 {
		h.runs("web", whaley.TeamID(board.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team", n)})))
	}
	sweep := func(want, what string) {
		t.Helper()
		if _, err := players.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.took(); got != want {
			t.Errorf("%s: ended %q, not %q", what, got, want)
		}
	}
	board.ChangeTeam(6, func(t *ctfdtest.Team) { t.Name = "renamed" })
	sweep("", "renamed")
	if h.names["team_6"] != "renamed" {
		t.Errorf("instances show %q", h.names)
	}
	ban := func(team int) { board.ChangeTeam(team, func(t *ctfdtest.Team) { t.Banned = true }) }
	ban(1)
	sweep("", "STOP_BANNED=false")
	wanted = true
	sweep("web-team_1 banned", "banned")
	board.RemoveTeam(2)
	sweep("", "vanished, seen once")
	sweep("web-team_2 banned", "vanished, seen twice")
	board.Broken()
	if _, err := players.Sweep(t.Context()); err == nil || h.took() != "" {
		t.Errorf("CTFd is broken: %v", err)
	}
	board.Recover()
	for _, team := range []int{3, 4, 5} {
		board.RemoveTeam(team)
	}
	sweep("", "most are gone: another CTFd")
	sweep("", "most are still gone")
}
