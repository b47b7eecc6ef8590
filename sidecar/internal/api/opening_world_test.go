package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// hourBefore is a competition an hour before its event begins, with a Whaley that follows CTFd.
type hourBefore struct {
	*competition
	begins     time.Time
	rules      *instancer.Instancer
	challenges instancer.Challenges
	follows    *opening.Opening
	host       string // of alice's team's quick
}

func newHourBefore(t *testing.T) *hourBefore {
	t.Helper()
	h := &hourBefore{begins: time.Now().Add(time.Hour).Truncate(time.Second)}
	board := make(chan *ctfdtest.Server, 1)
	h.competition = newCompetition(t, api.Limits{}, func(n *api.Needs, _ *api.Options) {
		h.rules, h.challenges = n.Instancer, n.Challenges
		var mine *ctfd.Client
		h.follows = opening.New(later{&mine, func() *ctfd.Client {
			s := <-board
			board <- s
			client, err := ctfd.New(s.URL, ctfd.Fixed(s.Admin), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return client
		}}, n.Events.(*store.Store), func() bool { return true }, slog.New(slog.DiscardHandler))
		h.rules.Opening = h.follows
	})
	board <- h.ctfd
	h.host = h.competition.host(bearer(h.aliceToken)...)
	h.start(fmt.Sprint(h.begins.Unix()))
	return h
}

// start sets when CTFd's event begins, and has that heard.
func (h *hourBefore) start(text string) {
	h.t.Helper()
	h.ctfd.SetConfig("start", text)
	if err := h.follows.Look(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// nothingRuns checks that nothing was started, of anybody.
func (h *hourBefore) nothingRuns() {
	h.t.Helper()
	rows, err := h.store.LiveRows(h.t.Context())
	if err != nil || len(rows) > 0 {
		h.t.Errorf("there is %+v %v", rows, err)
	}
}

// team is alice's, as who connects from somewhere is known.
func (h *hourBefore) team() whaley.Player {
	return whaley.Player{ID: whaley.UserID(h.alice), Owner: whaley.Owner{ID: whaley.TeamID(h.red), Name: "red"}}
}

// everybodyIs knows whoever connects from anywhere as one player.
type everybodyIs struct{ player whaley.Player }

func (p everybodyIs) Owner(context.Context, host.Name, netip.Addr) (whaley.Player, bool) {
	return p.player, true
}

func (p everybodyIs) At(context.Context, string, netip.Addr) (whaley.Player, bool) {
	return p.player, true
}

type everyPortIs whaley.PortMapping

func (m everyPortIs) PortHolder(context.Context, int) (whaley.PortMapping, bool, error) {
	return whaley.PortMapping(m), true, nil
}

// connected is all that a server of ports says to a connection.
func connected(t *testing.T, s *portwake.Server) string {
	t.Helper()
	var err error
	if s.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(conn)
	conn.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return string(text)
}

// later is a client of a CTFd that is made after the surface.
type later struct {
	client **ctfd.Client
	make   func() *ctfd.Client
}

func (l later) ask() *ctfd.Client {
	if *l.client == nil {
		*l.client = l.make()
	}
	return *l.client
}

func (l later) Event(ctx context.Context) (whaley.ScoreboardEvent, error) {
	return l.ask().Event(ctx)
}

func (l later) Challenges(ctx context.Context) ([]whaley.ScoreboardChallenge, error) {
	return l.ask().Challenges(ctx)
}

func (l later) Details(ctx context.Context) ([]whaley.ScoreboardDetails, error) {
	return l.ask().Details(ctx)
}

func (l later) Requirements(ctx context.Context, challenge int) ([]int, error) {
	return l.ask().Requirements(ctx, challenge)
}

func (l later) Solvers(ctx context.Context, challenge int) ([]string, error) {
	return l.ask().Solvers(ctx, challenge)
}
