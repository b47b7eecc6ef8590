package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// event is a CTFd with an organiser, two teams and three players, and a sidecar that asks it.
type event struct {
	t                   *testing.T
	ctfd                *ctfdtest.Server
	players             *identity.Players
	sessions            *identity.Sessions
	store               *store.Store
	opts                identity.PlayersOptions
	red, blue           int
	alice, bob, mallory int // alice and bob are red, mallory has no team
	token               string
}

// soon is how long CTFd's word is believed in these tests.
const soon = 30 * time.Millisecond

func newEvent(t *testing.T, mode string) *event {
	t.Helper()
	e := &event{t: t, ctfd: ctfdtest.New(t), opts: identity.PlayersOptions{TeamMode: mode, Fresh: soon}}
	e.ctfd.SetMode("teams")
	e.red, e.blue = e.ctfd.AddTeam(ctfdtest.Team{Name: "red"}), e.ctfd.AddTeam(ctfdtest.Team{Name: "blue"})
	e.alice = e.ctfd.AddUser(ctfdtest.User{Name: "alice", Team: e.red})
	e.bob = e.ctfd.AddUser(ctfdtest.User{Name: "bob", Team: e.red})
	e.mallory = e.ctfd.AddUser(ctfdtest.User{Name: "mallory"})
	e.token = e.ctfd.Token(e.alice)
	var err error
	if e.store, err = store.Open(context.Background(), "", storetest.Ready(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.store.Close() })
	e.restart()
	return e
}

// restart forgets everything that is in memory only, as another sidecar on the same database would start.
func (e *event) restart() {
	e.t.Helper()
	client, err := ctfd.New(e.ctfd.URL, ctfd.Fixed(e.ctfd.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		e.t.Fatal(err)
	}
	e.sessions = identity.NewSessions(keys(e.t, 1), e.store)
	e.players = identity.NewPlayers(client, e.sessions, e.opts, slog.New(slog.DiscardHandler))
}

func (e *event) signIn() string {
	e.t.Helper()
	_, cookie, err := e.players.SignIn(context.Background(), e.token, "192.0.2.1")
	if err != nil {
		e.t.Fatal(err)
	}
	return cookie
}

// becomes waits until something asked again and again is refused with a code, or with "" is not.
func (e *event) becomes(code string, ask func() error) {
	e.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := ask()
		if whaley.CodeOf(err) == code && (err == nil) == (code == "") {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("not %q, still %v", code, err)
		}
	}
}

func TestAPlayerIsWhoCTFdSays(t *testing.T) {
	ctx := context.Background()
	for mode, owner := range map[string]string{
		identity.TeamsAuto: "team_1", identity.TeamsEnabled: "team_1", identity.TeamsDisabled: "user_2",
	} {
		e := newEvent(t, mode)
		p, err := e.players.ByToken(ctx, e.token)
		if err != nil || p.ID != "user_2" || p.Name != "alice" || p.Owner.ID != owner || p.InTeam() != (owner == "team_1") {
			t.Errorf("%s: %+v %v", mode, p, err)
		}
		other, err := e.players.ByToken(ctx, e.ctfd.Token(e.bob))
		if err != nil || (other.Owner == p.Owner) != p.InTeam() {
			t.Errorf("%s: a member of the same team: %+v %v", mode, other, err)
		}
	}
}

func TestWhoeverHasNoTeamIsRefusedInTeamMode(t *testing.T) {
	ctx := context.Background()
	for mode, code := range map[string]string{
		identity.TeamsAuto: "team_required", identity.TeamsEnabled: "team_required", identity.TeamsDisabled: "",
	} {
		e := newEvent(t, mode)
		_, err := e.players.ByToken(ctx, e.ctfd.Token(e.mallory))
		if whaley.CodeOf(err) != code {
			t.Errorf("%s: %v", mode, err)
		}
		if _, _, err := e.players.SignIn(ctx, e.ctfd.Token(e.mallory), ""); whaley.CodeOf(err) != code {
			t.Errorf("%s: signing in: %v", mode, err)
		}
	}
}

func TestTheModeIsLookedAtWhileRunning(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	cookie := e.signIn()
	e.ctfd.SetMode("users")
	e.becomes("", func() error {
		p, err := e.players.ByCookie(ctx, cookie)
		if err == nil && p.InTeam() {
			err = errors.New("still in a team")
		}
		return err
	})
}

func TestATokenIsAskedAboutOnceHoweverManyShowIt(t *testing.T) {
	e := newEvent(t, identity.TeamsAuto)
	e.opts.Fresh = time.Minute
	e.restart()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := e.players.ByToken(context.Background(), e.token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, what := range []string{
		"GET /api/v1/users/me", "GET /api/v1/users/2", "GET /api/v1/teams/1", "GET /api/v1/configs",
	} {
		if n := e.ctfd.Calls(what); n != 1 {
			t.Errorf("%s was asked %d times", what, n)
		}
	}
	const bad = "ctfd_0000000000000000000000000000000000000000000000000000000000000000"
	for range 20 {
		if _, err := e.players.ByToken(context.Background(), bad); whaley.CodeOf(err) != whaley.CodeTokenRefused {
			t.Error(err)
		}
	}
	if n := e.ctfd.Calls("GET /api/v1/users/me"); n != 2 {
		t.Errorf("a bad token was asked about %d times", n-1)
	}
	for _, bad := range []string{"", "with space", "line\nbreak", strings.Repeat("x", 600), "ü"} {
		if _, err := e.players.ByToken(context.Background(), bad); whaley.CodeOf(err) != whaley.CodeTokenRefused {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if n := e.ctfd.Calls("GET /api/v1/users/me"); n != 2 {
		t.Errorf("what cannot be a token was asked about %d times", n-2)
	}
}

func TestWhoeverIsBannedIsRefusedAndLetInAgainAfterwards(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	cookie := e.signIn()
	byCookie := func() error { _, err := e.players.ByCookie(ctx, cookie); return err }
	byToken := func() error { _, err := e.players.ByToken(ctx, e.token); return err }
	signIn := func() error { _, _, err := e.players.SignIn(ctx, e.token, ""); return err }
	for code, ban := range map[string]func(bool){
		"player_banned": func(on bool) { e.ctfd.ChangeUser(e.alice, func(u *ctfdtest.User) { u.Banned = on }) },
		"team_banned":   func(on bool) { e.ctfd.ChangeTeam(e.red, func(team *ctfdtest.Team) { team.Banned = on }) },
	} {
		for _, on := range []bool{true, false} {
			ban(on)
			want := ""
			if on {
				want = code
			}
			for _, ask := range []func() error{byCookie, byToken, signIn} {
				e.becomes(want, ask)
			}
		}
	}
}

func TestATokenThatIsDeletedInCTFdIsRefused(t *testing.T) {
	e := newEvent(t, identity.TeamsAuto)
	ask := func() error { _, err := e.players.ByToken(context.Background(), e.token); return err }
	e.becomes("", ask)
	e.ctfd.RemoveToken(e.token)
	e.becomes(whaley.CodeTokenRefused, ask)
}

func TestAnAccountThatIsDeletedIsSignedOut(t *testing.T) {
	e := newEvent(t, identity.TeamsAuto)
	cookie := e.signIn()
	e.ctfd.RemoveUser(e.alice)
	e.becomes(
		whaley.CodeSessionOver, func() error { _, err := e.players.ByCookie(context.Background(), cookie); return err },
	)
}

func TestACTFdThatIsAwayKeepsOutNobodyWhoIsIn(t *testing.T) {
	for trouble, begin := range map[string]func(*ctfdtest.Server){
		"down": (*ctfdtest.Server).Down, "slow": (*ctfdtest.Server).Slow, "broken": (*ctfdtest.Server).Broken,
	} {
		t.Run(trouble, func(t *testing.T) {
			ctx := context.Background()
			e := newEvent(t, identity.TeamsAuto)
			cookie := e.signIn()
			want, err := e.players.ByCookie(ctx, cookie)
			if err != nil {
				t.Fatal(err)
			}
			begin(e.ctfd)
			time.Sleep(3 * soon) // what was heard is old now
			for _, restart := range []bool{false, true} {
				if restart {
					e.restart()
				}
				slowest := time.Duration(0)
				for range 10 {
					began := time.Now()
					got, err := e.players.ByCookie(ctx, cookie)
					if err != nil || got.Owner != want.Owner || got.ID != want.ID {
						t.Fatalf("restarted %v: %+v %v", restart, got, err)
					}
					slowest = max(slowest, time.Since(began))
				}
				if slowest > 3*time.Second {
					t.Errorf("restarted %v: one of the requests waited %s", restart, slowest)
				}
				if p, holds, err := e.players.Holder(ctx, want.ID, want.Owner.ID, want.Session); err != nil || !holds {
					t.Errorf("restarted %v: a ticket: %+v %v %v", restart, p, holds, err)
				}
				if !restart {
					if _, err := e.players.ByToken(ctx, e.token); err != nil {
						t.Errorf("a script that was known: %v", err)
					}
				}
			}
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if _, _, err := e.players.SignIn(short, e.ctfd.Token(e.bob), ""); whaley.CodeOf(err) != whaley.CodeCTFdUnavailable {
				t.Errorf("somebody new: %v", err)
			}
			e.ctfd.Recover()
			e.becomes("", func() error { _, _, err := e.players.SignIn(ctx, e.ctfd.Token(e.bob), ""); return err })
		})
	}
}

func TestABanOutlastsACTFdThatIsAwayAndARestart(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	cookie := e.signIn()
	e.ctfd.ChangeUser(e.alice, func(u *ctfdtest.User) { u.Banned = true })
	e.becomes("player_banned", func() error { _, err := e.players.ByCookie(ctx, cookie); return err })
	e.ctfd.Down()
	e.restart()
	if p, err := e.players.ByCookie(ctx, cookie); err == nil {
		t.Errorf("in again: %+v", p)
	}
}

func TestATicketEndsWithTheSessionTheBanAndTheTeam(t *testing.T) {
	ctx := context.Background()
	for what, end := range map[string]func(e *event, cookie string){
		"signing out": func(e *event, cookie string) {
			if err := e.players.SignOut(ctx, cookie); err != nil {
				t.Error(err)
			}
		},
		"a ban":          func(e *event, _ string) { e.ctfd.ChangeUser(e.alice, func(u *ctfdtest.User) { u.Banned = true }) },
		"another team":   func(e *event, _ string) { e.ctfd.ChangeUser(e.alice, func(u *ctfdtest.User) { u.Team = e.blue }) },
		"no team":        func(e *event, _ string) { e.ctfd.ChangeUser(e.alice, func(u *ctfdtest.User) { u.Team = 0 }) },
		"another mode":   func(e *event, _ string) { e.ctfd.SetMode("users") },
		"a deleted user": func(e *event, _ string) { e.ctfd.RemoveUser(e.alice) },
		"the team's ban": func(e *event, _ string) {
			e.ctfd.ChangeTeam(
				e.red, func(team *ctfdtest.Team) { team.Banned = true },
			)
		},
	} {
		e := newEvent(t, identity.TeamsAuto)
		cookie := e.signIn()
		p, err := e.players.ByCookie(ctx, cookie)
		if err != nil {
			t.Fatal(err)
		}
		bySession := func() error { return held(e, p, p.Session) }
		byToken := func() error { return held(e, p, "") }
		e.becomes("", bySession)
		e.becomes("", byToken)
		end(e, cookie)
		e.becomes("not_held", bySession)
		if what != "signing out" {
			e.becomes("not_held", byToken)
		}
		for _, forged := range [][3]string{
			{"user_1", p.Owner.ID, ""}, {p.ID, "team_2", p.Session}, {p.ID, p.Owner.ID, "AAAA"}, {"user_x", p.Owner.ID, ""},
			{"", "", ""},
		} {
			if _, holds, err := e.players.Holder(ctx, forged[0], forged[1], forged[2]); what != "another team" && holds ||
				err != nil {
				t.Errorf("%s: %v is held: %v", what, forged, err)
			}
		}
	}
}

func held(e *event, p whaley.Player, session string) error {
	_, holds, err := e.players.Holder(context.Background(), p.ID, p.Owner.ID, session)
	if err == nil && !holds {
		err = whaley.Errorf(whaley.Forbidden, "not_held", "it counts no more")
	}
	return err
}

func TestASessionIsOneCookieUntilItEnds(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	cookie, another := e.signIn(), e.signIn()
	id, signature, _ := strings.Cut(cookie, ".")
	other, _, _ := strings.Cut(another, ".")
	admins := identity.NewAdmins("a key of admins", e.players, e.sessions)
	_, admin, err := admins.SignIn(ctx, "a key of admins", "")
	if err != nil {
		t.Fatal(err)
	}
	for what, forged := range map[string]string{
		"no signature": id, "an empty one": id + ".", "another's": other + "." + signature, "cut off": cookie[:len(cookie)-1],
		"one letter else": "A" + cookie[1:], "long": cookie + strings.Repeat("A", 5000), "empty": "", "an admin's": admin,
	} {
		if _, err := e.players.ByCookie(ctx, forged); cookie != forged && whaley.CodeOf(err) != whaley.CodeSessionOver {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := admins.ByCookie(ctx, cookie); whaley.CodeOf(err) != whaley.CodeSessionOver {
		t.Errorf("a player's as an admin's: %v", err)
	}
	before := e.players
	e.restart()
	if _, err := e.players.ByCookie(ctx, cookie); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := before.SignOut(ctx, cookie); err != nil {
		t.Fatal(err)
	}
	if _, err := before.ByCookie(ctx, cookie); whaley.CodeOf(err) != whaley.CodeSessionOver {
		t.Errorf("where it was ended: %v", err)
	}
	e.becomes(whaley.CodeSessionOver, func() error { _, err := e.players.ByCookie(ctx, cookie); return err })
	if _, err := e.players.ByCookie(ctx, another); err != nil {
		t.Errorf("the other one: %v", err)
	}
}

func TestAnAdminIsKnownByKeyByTokenAndBySession(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	const key = "Vq3 a long key of the admins"
	admins := identity.NewAdmins(key, e.players, e.sessions)
	if _, ok := admins.ByKey(key); !ok {
		t.Error("the key is refused")
	}
	for _, wrong := range []string{"", "x", key + " ", e.ctfd.Admin} {
		if _, ok := admins.ByKey(wrong); ok {
			t.Errorf("%q is taken", wrong)
		}
		if _, ok := identity.NewAdmins("", e.players, e.sessions).ByKey(wrong); ok {
			t.Errorf("%q is taken where there is no key", wrong)
		}
	}
	if who, err := admins.ByToken(ctx, e.ctfd.Admin); err != nil ||
		who != (whaley.Organiser{Name: "CTFd admin admin (1)", Role: whaley.RoleAdmin}) {
		t.Errorf("%v %v", who, err)
	}
	if _, err := admins.ByToken(ctx, e.token); whaley.CodeOf(err) != "not_admin" {
		t.Errorf("a player's token: %v", err)
	}
	second := e.ctfd.AddUser(ctfdtest.User{Name: "root", Type: "admin"})
	token := e.ctfd.Token(second)
	for _, secret := range []string{key, token} {
		_, cookie, err := admins.SignIn(ctx, secret, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(cookie, secret) {
			t.Error("the cookie holds the secret")
		}
		if _, err := admins.ByCookie(ctx, cookie); err != nil {
			t.Error(err)
		}
		if _, err := identity.NewAdmins("another key", e.players, e.sessions).ByCookie(ctx, cookie); whaley.CodeOf(err) != whaley.CodeSessionOver {
			t.Errorf("after the key was changed: %v", err)
		}
		if secret == token {
			e.ctfd.ChangeUser(second, func(u *ctfdtest.User) { u.Type = "user" })
			e.becomes("not_admin", func() error { _, err := admins.ByCookie(ctx, cookie); return err })
		}
		if err := admins.SignOut(ctx, cookie); err != nil {
			t.Fatal(err)
		}
		if _, err := admins.ByCookie(ctx, cookie); whaley.CodeOf(err) != whaley.CodeSessionOver {
			t.Errorf("after signing out: %v", err)
		}
	}
	if _, _, err := admins.SignIn(ctx, e.token, ""); whaley.CodeOf(err) != "not_admin" {
		t.Errorf("a player signs in to the panel: %v", err)
	}
}

func TestATeamIsToldWithItsMembers(t *testing.T) {
	ctx := context.Background()
	e := newEvent(t, identity.TeamsAuto)
	p, err := e.players.ByToken(ctx, e.token)
	if err != nil {
		t.Fatal(err)
	}
	team, members, err := e.players.Team(ctx, p)
	if err != nil || team.Name != "red" || fmt.Sprint(members[0].Name, members[1].Name, len(members)) != "alicebob2" {
		t.Errorf("%+v %+v %v", team, members, err)
	}
	p.Owner = whaley.Owner{ID: p.ID}
	if _, _, err := e.players.Team(ctx, p); whaley.CodeOf(err) != "no_team" {
		t.Error(err)
	}
}
