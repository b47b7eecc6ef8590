package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestAKeyThatEndsLocksNobodyOut takes the admin's token away under players: that says nothing of them.
func TestAKeyThatEndsLocksNobodyOut(t *testing.T) {
	ctx := context.Background()
	ends := map[string]func(*event){
		"deleted": func(e *event) { e.ctfd.RemoveToken(e.ctfd.Admin) },
		"demoted": func(e *event) { e.ctfd.ChangeUser(1, func(u *ctfdtest.User) { u.Type = "user" }) },
	}
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			e := newEvent(t, identity.TeamsAuto)
			var key atomic.Value
			key.Store(e.ctfd.Admin)
			client, err := ctfd.New(e.ctfd.URL, func() string { return key.Load().(string) }, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			e.players = identity.NewPlayers(client, e.sessions, e.opts, slog.New(slog.DiscardHandler))
			cookie := e.signIn()
			was, err := e.players.ByCookie(ctx, cookie)
			if err != nil {
				t.Fatal(err)
			}
			end(e)
			e.players.Age()
			for range 5 {
				if now, err := e.players.ByCookie(ctx, cookie); err != nil || now.Owner != was.Owner {
					t.Fatalf("who is signed in: %+v %v", now, err)
				}
				if err := held(e, was, was.Session); err != nil {
					t.Fatalf("a ticket: %v", err)
				}
			}
			if _, err := e.players.Sweep(ctx); what == "deleted" && whaley.CodeOf(err) != ctfd.CodeMisconfigured {
				t.Errorf("the lists: %v", err)
			}
			var said *whaley.Error
			_, _, err = e.players.SignIn(ctx, e.ctfd.Token(e.bob), "")
			if !errors.As(err, &said) || said.Kind != whaley.Unavailable || said.Code != ctfd.CodeMisconfigured {
				t.Errorf("somebody new reads %v", err)
			}
			key.Store(e.ctfd.Token(e.ctfd.AddUser(ctfdtest.User{Name: "second", Type: "admin", Hidden: true})))
			e.becomes("", func() error { _, _, err := e.players.SignIn(ctx, e.ctfd.Token(e.bob), ""); return err })
		})
	}
}

// TestAFewRequestsTellOfAWholeEvent counts what CTFd is asked while everybody's page is open.
func TestAFewRequestsTellOfAWholeEvent(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh, e.opts.Sweep = time.Minute, time.Minute
	e.restart()
	const players, perTeam = 220, 4
	var cookies []string
	var ids, teams []int
	for n := range players {
		if n%perTeam == 0 {
			teams = append(teams, e.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n/perTeam)}))
		}
		ids = append(ids, e.ctfd.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: teams[len(teams)-1]}))
		_, cookie, err := e.players.SignIn(ctx, e.ctfd.Token(ids[n]), "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, cookie)
	}
	alone := func() (calls int) {
		for _, id := range ids {
			calls += e.ctfd.Calls(fmt.Sprint("GET /api/v1/users/", id))
		}
		for _, id := range teams {
			calls += e.ctfd.Calls(fmt.Sprint("GET /api/v1/teams/", id))
		}
		return calls
	}
	everybody := func() {
		t.Helper()
		for n, cookie := range cookies {
			if _, err := e.players.ByCookie(ctx, cookie); err != nil {
				t.Fatalf("player %d: %v", n, err)
			}
		}
	}
	before := alone()
	for range 3 {
		requests, err := e.players.Sweep(ctx)
		if err != nil || requests > 5+3+1 {
			t.Fatalf("%d requests, %v", requests, err)
		}
		everybody()
	}
	if after := alone(); after != before {
		t.Errorf("%d were asked about alone", after-before)
	}
	t.Logf("%d players in %d teams: 9 requests a sweep", players, len(teams))

	e.ctfd.ChangeUser(ids[0], func(u *ctfdtest.User) { u.Name, u.Team = "renamed", teams[1] })
	e.ctfd.ChangeUser(ids[4], func(u *ctfdtest.User) { u.Team = 0 })
	e.ctfd.ChangeUser(ids[8], func(u *ctfdtest.User) { u.Banned = true })
	e.ctfd.ChangeUser(ids[12], func(u *ctfdtest.User) { u.Hidden = true })
	e.ctfd.ChangeTeam(teams[4], func(team *ctfdtest.Team) { team.Banned = true })
	e.ctfd.ChangeTeam(teams[5], func(team *ctfdtest.Team) { team.Name = "another name" })
	e.ctfd.RemoveUser(ids[24])
	before = alone()
	if _, err := e.players.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{
		0: "", 4: "team_required", 8: "player_banned", 12: "", 16: "team_banned", 20: "", 24: whaley.CodeSessionOver,
	} {
		p, err := e.players.ByCookie(ctx, cookies[n])
		if whaley.CodeOf(err) != want || err == nil != (want == "") {
			t.Errorf("player %d: %+v, %v, want %q", n, p, err, want)
		}
		switch {
		case n == 0 && (p.Name != "renamed" || p.Owner.ID != whaley.TeamID(teams[1])),
			n == 20 && p.Owner.Name != "another name":
			t.Errorf("player %d is %+v", n, p)
		}
	}
	if after := alone(); after-before != 3 {
		t.Errorf("%d were asked about alone, want the banned, the hidden and the deleted one", after-before)
	}
	p, err := e.players.ByCookie(ctx, cookies[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, members, err := e.players.Team(ctx, p); err != nil || len(members) != perTeam {
		// one came, one left
		t.Errorf("the members of the team: %+v %v", members, err)
	}
}

// TestTwoThousandOpenPagesAreAFewDozenRequests counts what CTFd is asked in the time of one sweep, with and without its
// lists, and how soon a change is known.
func TestTwoThousandOpenPagesAreAFewDozenRequests(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh = time.Hour
	e.restart()
	const players, perTeam = 2000, 4
	var ids, teams []int
	for n := range players {
		if n%perTeam == 0 {
			teams = append(teams, e.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n/perTeam)}))
		}
		ids = append(ids, e.ctfd.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: teams[len(teams)-1]}))
	}
	requests := func(do func()) int {
		before := e.ctfd.Requests()
		do()
		return e.ctfd.Requests() - before
	}
	everybody := func() {
		for _, id := range ids {
			if _, err := e.players.ByAccount(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	one := requests(everybody) // each is asked about alone, as all were every minute
	sweep := func() {
		if _, err := e.players.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		everybody()
	}
	requests(sweep) // reads all, as the first does
	userPages, teamPages := e.ctfd.Calls("GET /api/v1/users"), e.ctfd.Calls("GET /api/v1/teams")
	swept := requests(sweep)
	userPages, teamPages = e.ctfd.Calls("GET /api/v1/users")-userPages, e.ctfd.Calls("GET /api/v1/teams")-teamPages
	if one < players+len(teams) || swept > 46 {
		t.Errorf("%d requests one by one, %d by lists", one, swept)
	}
	e.ctfd.ChangeUser(ids[0], func(u *ctfdtest.User) { u.Team = teams[1] })
	e.ctfd.ChangeTeam(teams[2], func(team *ctfdtest.Team) { team.Banned = true })
	if _, err := e.players.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	moved, err := e.players.ByAccount(ctx, ids[0])
	if err != nil || moved.Owner.ID != whaley.TeamID(teams[1]) {
		t.Errorf("the change of team: %+v %v", moved, err)
	}
	if _, err := e.players.ByAccount(ctx, ids[2*perTeam]); whaley.CodeOf(err) != "team_banned" {
		t.Errorf("the ban: %v", err)
	}
	// What a page of each list costs the CPU of CTFd 3.8.7 on SQLite, measured there with as many players: 53 ms of
	// accounts, 72 ms of teams. So this is requests × cost, of the only questions that grow with players.
	const usersCost, teamsCost, most = 53 * time.Millisecond, 72 * time.Millisecond, 5 * time.Second
	minute := float64(time.Minute) / float64(e.players.Pause(swept))
	cpu := time.Duration(minute * float64(time.Duration(userPages)*usersCost+time.Duration(teamPages)*teamsCost))
	if perMinute := minute * float64(swept); perMinute > 50 || cpu > most {
		t.Errorf("%.0f requests and %s of CTFd's CPU a minute", perMinute, cpu)
	}
	t.Logf("%.1f requests and %s of CTFd's CPU a minute", minute*float64(swept), cpu.Round(time.Millisecond))
	t.Logf(
		"%d players in %d teams: %d requests one by one, %d a sweep; a change of team and a ban are known after one sweep",
		players, len(teams), one, swept,
	)
}

// TestTwoThousandTokensAreAFewQuestionsAMinute: the window in CTFd and scripts show a token with each request. One that is
// gone is refused after the next sweep.
func TestTwoThousandTokensAreAFewQuestionsAMinute(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh = time.Minute
	e.restart()
	const players, perTeam = 2000, 4
	var tokens []string
	var ids []int
	team := 0
	for n := range players {
		if n%perTeam == 0 {
			team = e.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n/perTeam)})
		}
		ids = append(ids, e.ctfd.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: team}))
		tokens = append(tokens, e.ctfd.Token(ids[n]))
	}
	everybody := func() {
		t.Helper()
		for _, token := range tokens {
			if _, err := e.players.ByToken(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
	}
	everybody()
	sweep := func() {
		t.Helper()
		if _, err := e.players.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	e.ctfd.RemoveToken(tokens[7])
	e.ctfd.RemoveUser(ids[9])
	sweep()
	before := e.ctfd.Calls("GET /api/v1/users/me")
	for n, token := range tokens {
		if _, err := e.players.ByToken(ctx, token); (n == 7 || n == 9) != (whaley.CodeOf(err) == whaley.CodeTokenRefused) {
			t.Fatalf("token %d: %v", n, err)
		}
	}
	if asked := e.ctfd.Calls("GET /api/v1/users/me") - before; asked != 2 {
		t.Errorf("%d questions whose a token is, want one for each of the two that are gone", asked)
	}
	if all := e.ctfd.Calls("POST /api/v1/exports/raw"); all != 2 {
		t.Errorf("all tokens were read %d times", all)
	}

	e.ctfd.As(7) // exports nothing
	sweep()
	if each := e.players.TokensFor(); each < (players-2)*2*time.Second {
		t.Errorf("of a CTFd that exports nothing each is asked about after %s, so more than 30 a minute", each)
	}
}

// TestFewTokensAreAskedAboutOneByOne: all tokens of an event are read only where that spares CTFd something.
func TestFewTokensAreAskedAboutOneByOne(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	if _, err := e.players.ByToken(ctx, e.token); err != nil {
		t.Fatal(err)
	}
	if _, err := e.players.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if all := e.ctfd.Calls("POST /api/v1/exports/raw"); all != 0 || e.players.TokensFor() != soon {
		t.Errorf("all tokens were read %d times, one is believed for %s", all, e.players.TokensFor())
	}
}

// TestABanOfATeamIsSeenInOneSweepAndItsNameInFive reads only a part of the pages of teams in each sweep.
func TestABanOfATeamIsSeenInOneSweepAndItsNameInFive(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh = time.Hour
	e.restart()
	var teams, ids []int
	for n := range 600 {
		teams = append(teams, e.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("team ", n)}))
		ids = append(ids, e.ctfd.AddUser(ctfdtest.User{Name: fmt.Sprint("player ", n), Team: teams[n]}))
		if _, err := e.players.ByAccount(ctx, ids[n]); err != nil {
			t.Fatal(err)
		}
	}
	sweep := func() {
		t.Helper()
		if _, err := e.players.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	for _, n := range []int{0, 60, 170, 290, 420, 599} {
		e.ctfd.AddTeam(ctfdtest.Team{Name: fmt.Sprint("new ", n)})
		e.ctfd.ChangeTeam(teams[n], func(team *ctfdtest.Team) { team.Banned = true })
		sweep()
		if _, err := e.players.ByAccount(ctx, ids[n]); whaley.CodeOf(err) != "team_banned" {
			t.Errorf("team %d: %v", n, err)
		}
		e.ctfd.ChangeTeam(teams[n], func(team *ctfdtest.Team) { team.Banned = false })
		sweep()
		if _, err := e.players.ByAccount(ctx, ids[n]); err != nil {
			t.Errorf("team %d after its ban: %v", n, err)
		}
	}
	for n := range teams {
		e.ctfd.ChangeTeam(teams[n], func(team *ctfdtest.Team) { team.Name = fmt.Sprint("renamed ", n) })
	}
	for range 5 {
		sweep()
	}
	for n, id := range ids {
		if p, err := e.players.ByAccount(ctx, id); err != nil || p.Owner.Name != fmt.Sprint("renamed ", n) {
			t.Fatalf("team %d: %+v %v", n, p, err)
		}
	}
}

// TestGuessedTokensAreNothingToThoseThatAreRight: what is guessed is asked about, and takes up a place nowhere else.
func TestGuessedTokensAreNothingToThoseThatAreRight(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	if _, err := e.players.ByToken(ctx, e.token); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if _, err := e.players.ByToken(ctx, fmt.Sprintf("ctfd_%064d", n)); whaley.CodeOf(err) != whaley.CodeTokenRefused {
			t.Fatal(n, err)
		}
	}
	if _, err := e.players.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if d := e.players.TokensFor(); d > time.Minute {
		t.Errorf("a token that is deleted in CTFd counts for %s, since others were guessed", d)
	}
}

// TestWhoPlaysNoMoreIsTold tells owners that play from those that are banned or gone.
func TestWhoPlaysNoMoreIsTold(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	stands := func(owner string) identity.Standing {
		t.Helper()
		if _, err := e.players.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := e.players.Stands(ctx, owner)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	red := whaley.TeamID(e.red)
	for _, owner := range []string{red, whaley.UserID(e.alice), "user_0123456789ab", "team_x", "user_02", ""} {
		if got := stands(owner); got != identity.Plays {
			t.Errorf("%s: %v", owner, got)
		}
	}
	if got := stands("team_999"); got != identity.Vanished {
		t.Errorf("a team that is not there: %v", got)
	}
	e.ctfd.ChangeTeam(e.red, func(team *ctfdtest.Team) { team.Banned = true })
	if got := stands(red); got != identity.Banned {
		t.Errorf("a banned team: %v", got)
	}
	e.ctfd.SetMode("users")
	e.becomes("", func() error {
		if got := stands(red); got != identity.Plays {
			return fmt.Errorf("a team while there are no teams: %v", got)
		}
		return nil
	})
	e.ctfd.ChangeUser(e.bob, func(u *ctfdtest.User) { u.Banned = true })
	if got := stands(whaley.UserID(e.bob)); got != identity.Banned {
		t.Errorf("a banned player: %v", got)
	}
}

// TestCallsByOurKeyAreOneSession wants CTFd to keep one session for all calls by the key, and a cookie never to go with
// another's token; the test's CTFd fails what does.
func TestCallsByOurKeyAreOneSession(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	for range 20 {
		if _, err := e.players.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.ctfd.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	for n := range 3 {
		if _, err := e.players.ByToken(ctx, e.ctfd.Token(e.alice)); err != nil {
			t.Fatal(err)
		}
		if got := e.ctfd.Sessions(); got != n+2 {
			t.Errorf("%d sessions after %d tokens of players", got, n+1)
		}
	}
}
