package ctfd_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/opening"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// counted is a CTFd that remembers when it was asked by the service key.
type counted struct {
	*ctfdtest.Server
	mu    sync.Mutex
	asked []time.Time
	what  map[string]int
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if strings.HasSuffix(r.Header.Get("Authorization"), " "+c.Admin) {
		c.asked = append(c.asked, time.Now())
		c.what[r.Method+" "+strings.TrimRight(r.URL.Path, "0123456789")]++
	}
	c.mu.Unlock()
	return c.Server.RoundTrip(r)
}

// busiest is the most requests within any minute since a moment.
func (c *counted) busiest(since time.Time) (most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := 0
	for n, at := range c.asked {
		for at.Sub(c.asked[first]) >= time.Minute || c.asked[first].Before(since) && first < n {
			first++
		}
		if !at.Before(since) {
			most = max(most, n-first+1)
		}
	}
	return most
}

// kinds are what was asked, and how often.
func (c *counted) kinds() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.what)
}

// bigEvent is 2,000 players in 500 teams, twelve challenges that are mapped, and all of a sidecar that speaks to CTFd.
type bigEvent struct {
	board   *counted
	players *identity.Players
	ids     []int
	teams   []int
	tokens  []string
	run     []interface{ Run(context.Context) error }
}

const bigTeam = 4

func newBigEvent(t *testing.T, board *ctfdtest.Server, folder string) *bigEvent {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e := &bigEvent{board: &counted{Server: board, what: map[string]int{}}}
	board.SetMode("teams")
	for n := range 2000 {
		if n%bigTeam == 0 {
			e.teams = append(e.teams, board.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n/bigTeam)}))
		}
		e.ids = append(e.ids, board.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: e.teams[n/bigTeam]}))
		if n%4 == 0 {
			e.tokens = append(e.tokens, board.Token(e.ids[n]))
		}
	}
	db, err := store.Open(t.Context(), "", folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	var local eventtest.Library
	for n := range 12 {
		id := fmt.Sprint("challenge-", n)
		local = append(local, eventtest.Dynamic(id, id, ""))
		in := board.AddChallenge(ctfdtest.Challenge{Name: id})
		err := db.Map(t.Context(), &whaley.Mapping{Challenge: id, CTFdChallenge: in, CTFdName: id, CreatedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			board.AddSubmission(ctfdtest.Submission{Challenge: in, User: e.ids[n], Team: e.teams[0], Provided: "x"})
		}
	}
	budget := ctfd.NewBudget()
	client := func() *ctfd.Client {
		c, err := ctfd.New("http://ctfd.test", ctfd.Fixed(board.Admin), log)
		if err != nil {
			t.Fatal(err)
		}
		return c.Through(e.board).Within(budget)
	}
	keys, err := identity.Derive(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	who, flags := client(), client()
	e.players = identity.NewPlayers(who, identity.NewSessions(keys, db), identity.PlayersOptions{TeamMode: identity.TeamsAuto}, log)
	made := flag.New(db, flags, local, flag.Options{}, log)
	for _, ch := range local {
		for _, team := range e.teams[:3] {
			if _, err := made.Flags(t.Context(), whaley.Owner{ID: whaley.TeamID(team)}, ch); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.run = append(e.run, e.players, made,
		opening.New(client(), db, func() bool { return true }, log),
		connect.New(who, db, connect.Options{Dashboard: "http://whaley.test", Public: "http://ctfd.test"}, log),
		cheating.New(cheating.Needs{Store: db, CTFd: flags, Challenges: local, Missing: made.Recheck, Log: log}, cheating.Options{}),
	)
	return e
}

// TestNoMinuteOfTwoThousandPlayersAsksCTFdMoreThanSixtyTimes has 2,000 pages open for ten minutes, a quarter of them with
// a token, flags of twelve challenges looked after, somebody submitting every few seconds; and then sees how soon a team
// change, a ban and a deleted token count, and that who signs in does not wait behind all that.
func TestNoMinuteOfTwoThousandPlayersAsksCTFdMoreThanSixtyTimes(t *testing.T) {
	board, folder := ctfdtest.New(t), storetest.Ready(t)
	synctest.Test(t, func(t *testing.T) {
		e := newBigEvent(t, board, folder)
		ctx, end := context.WithCancel(t.Context())
		var all errgroup.Group
		for _, one := range e.run {
			all.Go(func() error { return one.Run(ctx) })
		}
		pages := func() {
			t.Helper()
			for _, id := range e.ids {
				if _, err := e.players.ByAccount(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			for _, token := range e.tokens {
				if _, err := e.players.ByToken(ctx, token); err != nil {
					t.Fatal(err)
				}
			}
		}
		pages() // everybody signs in at once
		time.Sleep(3 * time.Minute)
		quiet := time.Now()
		for n := range 20 {
			pages()
			board.AddSubmission(ctfdtest.Submission{Challenge: 1 + n%12, User: e.ids[n], Team: e.teams[1], Provided: rand.Text()})
			time.Sleep(30 * time.Second)
		}
		if most := e.board.busiest(quiet.Add(time.Minute)); most > 60 {
			t.Errorf("%d requests in one minute: %v", most, e.board.kinds())
		} else {
			t.Logf("%d requests in the busiest of ten minutes: %v", most, e.board.kinds())
		}
		changed := time.Now()
		board.ChangeUser(e.ids[0], func(u *ctfdtest.User) { u.Team = e.teams[1] })
		board.ChangeUser(e.ids[4], func(u *ctfdtest.User) { u.Banned = true })
		board.ChangeTeam(e.teams[250], func(team *ctfdtest.Team) { team.Banned = true })
		board.RemoveToken(e.tokens[7])
		known := map[string]time.Duration{}
		for time.Since(changed) < 3*time.Minute && len(known) < 4 {
			note := func(what string, is bool) {
				if _, before := known[what]; is && !before {
					known[what] = time.Since(changed)
				}
			}
			moved, err := e.players.ByAccount(ctx, e.ids[0])
			note("a team change", err == nil && moved.Owner.ID == whaley.TeamID(e.teams[1]))
			_, err = e.players.ByAccount(ctx, e.ids[4])
			note("a ban", whaley.CodeOf(err) == "player_banned")
			_, err = e.players.ByAccount(ctx, e.ids[250*bigTeam])
			note("a team's ban", whaley.CodeOf(err) == "team_banned")
			_, err = e.players.ByToken(ctx, e.tokens[7])
			note("a deleted token", whaley.CodeOf(err) == whaley.CodeTokenRefused)
			time.Sleep(time.Second)
		}
		for _, what := range []string{"a team change", "a ban", "a team's ban", "a deleted token"} {
			if after, is := known[what]; !is || after > 61*time.Second {
				t.Errorf("%s was known after %s (%t)", what, after, is)
			} else {
				t.Logf("%s was known after %s", what, after)
			}
		}
		for range 10 {
			token := board.Token(board.AddUser(ctfdtest.User{Name: "late", Team: e.teams[3]}))
			began := time.Now()
			if _, _, err := e.players.SignIn(ctx, token, ""); err != nil || time.Since(began) > 0 {
				t.Errorf("who signs in waits %s: %v", time.Since(began), err)
			}
			time.Sleep(7 * time.Second)
		}
		end()
		if err := all.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestWhatIsUrgentNeverWaitsAndWhatIsNotWaitsForItsTime fills a minute with calls that nobody can put off.
func TestWhatIsUrgentNeverWaitsAndWhatIsNotWaitsForItsTime(t *testing.T) {
	board := ctfdtest.New(t)
	synctest.Test(t, func(t *testing.T) {
		c, err := ctfd.New("http://ctfd.test", ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		c = c.Through(board).Within(ctfd.NewBudget())
		took := func(call func() error) time.Duration {
			t.Helper()
			began := time.Now()
			if err := call(); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		for range 70 {
			if d := took(func() error { _, err := c.User(t.Context(), 1); return err }); d > 0 {
				t.Fatalf("an urgent call waited %s", d)
			}
		}
		look := func() error { _, err := c.OwnedFlags(t.Context()); return err }
		page := func() error { _, err := c.Users(t.Context(), func([]whaley.Account) error { return nil }); return err }
		sample := func() error { _, err := c.SampleFlags(t.Context(), 1, ""); return err }
		for range 30 {
			if d := took(page); d > 0 {
				t.Fatalf("of the half of a minute that the lists have in any case, one waited %s", d)
			}
		}
		if a, b, c := took(look), took(sample), took(page); a > 0 || b != 30*time.Second || c != 30*time.Second {
			t.Errorf("in a full minute a look waited %s, what is spare %s, and one more page until the minute was over: %s", a, b, c)
		}
		time.Sleep(time.Minute)
		if a, b := took(look), took(page); a+b > 0 {
			t.Errorf("in an empty minute they waited %s and %s", a, b)
		}
	})
}
