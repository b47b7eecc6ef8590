package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// TestATokenThatIsRevokedUnderFiftyPlayersIsNoticedByTheOrganiserOnly takes the admin's token away while fifty teams
// play, each with its page open: they list, start, stop and get tickets as before, and the organiser sees what is wrong.
func TestATokenThatIsRevokedUnderFiftyPlayersIsNoticedByTheOrganiserOnly(t *testing.T) {
	const fresh = 20 * time.Millisecond
	var players *identity.Players
	c := newCompetitionAsking(t, fresh, api.Limits{}, func(n *api.Needs, _ *api.Options) {
		players = n.Players
		n.Checks = append(n.Checks, api.Check{Name: "ctfd", Ping: players.Ping, Optional: true})
	})
	server := httptest.NewServer(c.public)
	t.Cleanup(server.Close)
	health := func() string { return c.call(bob, "GET", "/health/ready", "").Body.String() }
	const count = 50
	var all []*playing
	for n := range count {
		team := c.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n)})
		id := c.ctfd.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: team})
		p := &playing{
			competition: c, account: fmt.Sprint("GET /api/v1/users/", id), header: c.signIn(c.ctfd.Token(id)),
		}
		p.host = c.host(p.header...)
		p.stream = follow(t, server, "/events", fmt.Sprint("198.51.100.", n+1), p.header...)
		all = append(all, p)
	}
	everybody := func(when string) {
		t.Helper()
		var group errgroup.Group
		group.SetLimit(8) // the pool has 16 networks
		for _, p := range all {
			group.Go(func() error { p.plays(when); return nil })
		}
		_ = group.Wait()
	}
	everybody("before")
	c.ctfd.RemoveToken(c.ctfd.Admin)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(health(), `"name":"ctfd","status":"failed"`); {
		ctx, cancel := context.WithTimeout(t.Context(), 3*fresh)
		if err := players.Run(ctx); err != nil { // one look; a sidecar's next is half a minute later
			t.Error(err)
		}
		if cancel(); time.Now().After(deadline) {
			t.Fatal("the organiser sees nothing: " + health())
		}
	}
	for _, p := range all { // what CTFd has said of them is old, once it is asked again
		before := c.ctfd.Calls(p.account)
		testkit.Eventually(t, 20*time.Second, "CTFd is asked again about a player", func() error {
			if p.call(bob, "GET", "/me", "", p.header...); c.ctfd.Calls(p.account) == before {
				return errors.New("it is believed still")
			}
			return nil
		})
	}
	everybody("afterwards")
	for n, p := range all {
		if p.stream.status != http.StatusOK || p.stream.over() {
			t.Errorf("the page of player %d lost its stream", n)
		}
		p.stream.close()
	}
}

// playing is a player in the middle of an event.
type playing struct {
	*competition
	account string // the question about them
	header  []string
	host    string
	stream  *follower
}

// plays does all that a page does: looks, starts, gets a ticket for a tool, stops.
func (p *playing) plays(when string) {
	for _, path := range []string{"/me", "/challenges", "/challenges/quick", "/instances"} {
		if w := p.call(alice, "GET", path, "", p.header...); w.Code != http.StatusOK {
			p.t.Errorf("%s: %s: %d %s", when, path, w.Code, w.Body)
		}
	}
	w := p.call(alice, "POST", "/instances/spawn?wait=20", `{"challenge_id":"quick"}`, p.header...)
	var in instance
	if err := json.Unmarshal(w.Body.Bytes(), &in); err != nil || w.Code != http.StatusCreated || in.State != "running" {
		p.t.Errorf("%s: start: %d %s", when, w.Code, w.Body)
		return
	}
	if w := p.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, p.host), p.header...); w.Code != http.StatusOK {
		p.t.Errorf("%s: a ticket: %d %s", when, w.Code, w.Body)
	}
	if w := p.call(alice, "DELETE", "/instances/"+in.ID, "", p.header...); w.Code != http.StatusAccepted {
		p.t.Errorf("%s: stop: %d %s", when, w.Code, w.Body)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		w := p.call(alice, "GET", "/challenges/quick", "", p.header...)
		if strings.Contains(w.Body.String(), `"instance":null`) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Errorf("%s: it is not stopped: %s", when, w.Body)
			return
		}
	}
}

// over says whether the stream has ended.
func (f *follower) over() bool {
	for {
		select {
		case _, open := <-f.events:
			if !open {
				return true
			}
		default:
			return false
		}
	}
}
