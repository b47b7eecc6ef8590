package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestNothingIsListedOrStartedBeforeTheEvent asks by list, by name, by the API and by the address, as a player and as an
// organiser.
func TestNothingIsListedOrStartedBeforeTheEvent(t *testing.T) {
	ctx := context.Background()
	var follows *opening.Opening
	var rules *instancer.Instancer
	board := make(chan *ctfdtest.Server, 1)
	c := newCompetition(t, api.Limits{}, func(n *api.Needs, _ *api.Options) {
		rules = n.Instancer
		var mine *ctfd.Client
		follows = opening.New(later{&mine, func() *ctfd.Client {
			s := <-board
			board <- s
			client, err := ctfd.New(s.URL, ctfd.Fixed(s.Admin), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return client
		}}, n.Events.(*store.Store), func() bool { return true }, slog.New(slog.DiscardHandler))
		rules.Opening = follows
	})
	board <- c.ctfd
	admin := c.ctfd.AddUser(ctfdtest.User{Name: "author", Type: "admin", Team: c.blue})
	host := c.host(bearer(c.aliceToken)...)
	begins := time.Now().Add(time.Hour).Truncate(time.Second)
	c.ctfd.SetConfig("start", fmt.Sprint(begins.Unix()))
	if err := follows.Look(ctx); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Challenges []struct{ ID string }
		Event      struct {
			Begins time.Time `json:"begins_at"`
		}
	}
	c.into(c.call(alice, "GET", "/challenges", "", bearer(c.aliceToken)...), &list)
	if len(list.Challenges) != 0 || !list.Event.Begins.Equal(begins) {
		t.Errorf("a player is shown %+v", list)
	}
	c.refused(c.call(alice, "GET", "/challenges/quick", "", bearer(c.aliceToken)...), 404, "challenge_not_found")
	c.refused(
		c.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, bearer(c.aliceToken)...), 403,
		whaley.CodeNotBegun,
	)
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	player := whaley.Player{ID: whaley.UserID(c.alice), Owner: whaley.Owner{ID: whaley.TeamID(c.red), Name: "red"}}
	view, err := rules.Wake(asking, whaley.HostQuery{Host: host, Player: player})
	if err != nil || view.State != wire.StateFailed || view.Problem == nil ||
		!strings.HasPrefix(view.Problem.Detail, "The event begins on ") {
		t.Errorf("the address: %+v %v", view, err)
	}
	token := c.ctfd.Token(admin)
	c.into(c.call(alice, "GET", "/challenges", "", bearer(token)...), &list)
	if len(list.Challenges) != 1 {
		t.Errorf("an organiser is shown %+v", list)
	}
	if w := c.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, bearer(token)...); w.Code != 202 {
		t.Errorf("an organiser starts it: %d %s", w.Code, w.Body)
	}
	c.ctfd.SetConfig("start", "")
	if err := follows.Look(ctx); err != nil {
		t.Fatal(err)
	}
	c.into(c.call(alice, "GET", "/challenges", "", bearer(c.aliceToken)...), &list)
	if len(list.Challenges) != 1 {
		t.Errorf("once it has begun a player is shown %+v", list)
	}
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

func (l later) Solvers(ctx context.Context, challenge int) ([]string, error) {
	return l.ask().Solvers(ctx, challenge)
}
