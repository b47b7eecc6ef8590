package ctfd_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// A CTFd for TestTheStubAnswersAsCTFdDoes instead of the stub: a real one, with a challenge named Shared and a player.
const (
	realCTFd    = "CTFD_CONTRACT_URL"
	adminToken  = "CTFD_CONTRACT_ADMIN"
	playerToken = "CTFD_CONTRACT_PLAYER"
)

// TestTheStubAnswersAsCTFdDoes plays every call that Whaley makes, against each version that the stub can be. With
// CTFD_CONTRACT_URL, _ADMIN and _PLAYER it plays the same against a real CTFd, where it leaves nothing behind; so the
// stub cannot say what CTFd would not.
func TestTheStubAnswersAsCTFdDoes(t *testing.T) {
	if url := os.Getenv(realCTFd); url != "" {
		playContract(t, url, os.Getenv(adminToken), os.Getenv(playerToken))
		return
	}
	for version := ctfdtest.Oldest; version <= ctfdtest.Newest; version++ {
		t.Run(fmt.Sprint("3.", version), func(t *testing.T) {
			s := ctfdtest.New(t)
			s.As(version)
			s.SetMode("teams")
			s.SetConfig("ctf_name", "Stub")
			red := s.AddTeam(ctfdtest.Team{Name: "red"})
			first := s.AddChallenge(ctfdtest.Challenge{Name: "Before"})
			s.AddChallenge(ctfdtest.Challenge{Name: "Shared", Requires: []int{first}})
			playContract(t, s.URL, s.Admin, s.Token(s.AddUser(ctfdtest.User{Name: "alice", Team: red})))
		})
	}
}

// playContract makes every call once, by an admin's and a player's token.
func playContract(t *testing.T, url, admin, player string) {
	c, ctx := client(t, url, admin), context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	code := func(what string, err error, want string) {
		t.Helper()
		if got := whaley.CodeOf(err); got != want {
			t.Errorf("%s: %q instead of %q: %v", what, got, want, err)
		}
	}

	teams, err := c.TeamMode(ctx)
	must(err)
	me, err := c.Me(ctx, player)
	must(err)
	_, err = c.Me(ctx, "ctfd_"+strings.Repeat("0", 64))
	code("a token of nobody", err, whaley.CodeTokenRefused)
	account, err := c.User(ctx, me)
	must(err)
	if account.ID != me || account.Name == "" || account.Admin || account.Banned || (account.Team != 0) != teams {
		t.Errorf("%+v, in teams: %v", account, teams)
	}
	_, err = c.User(ctx, 999_999)
	code("a user that is none", err, ctfd.CodeNotFound)
	var all []whaley.Account
	pages, err := c.Users(ctx, func(page []whaley.Account) error { all = append(all, page...); return nil })
	must(err)
	if !slices.ContainsFunc(all, func(a whaley.Account) bool { return a.ID == me && a.Team == account.Team }) || pages < 1 {
		t.Errorf("%d of %d pages: %+v", len(all), pages, all)
	}
	groups, _, total, err := c.Teams(ctx, 1)
	must(err)
	notHidden, err := c.TeamsShown(ctx)
	must(err)
	if notHidden > total || teams && notHidden == 0 {
		t.Errorf("%d of %d teams are shown", notHidden, total)
	}
	if teams {
		team, err := c.Team(ctx, account.Team)
		must(err)
		if !slices.Contains(team.Members, me) ||
			!slices.ContainsFunc(groups, func(g whaley.Team) bool { return g.ID == team.ID && g.Name == team.Name }) {
			t.Errorf("%+v %+v", team, groups)
		}
	}
	standing, err := c.Standing(ctx)
	must(err)
	if standing.LastEnd.IsZero() {
		t.Error("no token ends")
	}
	_, err = c.Event(ctx)
	must(err)

	challenges, err := c.Challenges(ctx)
	must(err)
	at := slices.IndexFunc(challenges, func(ch whaley.ScoreboardChallenge) bool { return ch.Name == "Shared" })
	if at < 0 || challenges[at].Hidden {
		t.Fatalf("%+v", challenges)
	}
	id := challenges[at].ID
	was, err := c.Detail(ctx, id)
	must(err)
	var now whaley.ScoreboardDetails
	for _, text := range []string{"", "https://whaley.example/go/notes", `<b>"ü", 'x'` + "\n日本"} {
		must(c.SetConnectionInfo(ctx, id, text))
		now, err = c.Detail(ctx, id)
		must(err)
		if now.ConnectionInfo != text {
			t.Errorf("%q: %+v", text, now)
		}
	}
	details, err := c.Details(ctx) // CTFd takes ten a minute
	exports := whaley.CodeOf(err) != ctfd.CodeNotFound
	if exports { // CTFd 3.8
		must(err)
	}
	if exports {
		mine := false
		must(c.Tokens(ctx, func(token string, account int, ends time.Time) {
			mine = mine || token == player && account == me && ends.After(time.Now())
		}))
		if !mine {
			t.Error("the player's token is not among all tokens")
		}
	}
	required, err := c.Requirements(ctx, id)
	must(err)
	if exports && !slices.ContainsFunc(details, func(d whaley.ScoreboardDetails) bool {
		return d.ID == id && d.Name == "Shared" && d.ConnectionInfo == now.ConnectionInfo && slices.Equal(d.Requires, required)
	}) {
		t.Errorf("%+v", details)
	}
	must(c.SetConnectionInfo(ctx, id, was.ConnectionInfo))
	_, err = c.Detail(ctx, 999_999)
	code("a challenge that is none", err, ctfd.CodeNotFound)

	added, err := c.AddFlag(ctx, id, " FLAG{it's \"ü\" a\\b} ", "")
	must(err)
	if added.Content != `FLAG{it's "ü" a\b}` || added.Challenge != id || added.Type != "static" {
		t.Errorf("%+v", added)
	}
	found, err := c.Flags(ctx, id, added.Content)
	must(err)
	if !slices.ContainsFunc(found, func(f whaley.ScoreboardFlag) bool { return f.ID == added.ID }) {
		t.Errorf("%+v", found)
	}
	must(c.RemoveFlag(ctx, added.ID))
	must(c.RemoveFlag(ctx, added.ID)) // twice
	_, err = c.OwnedFlags(ctx)
	must(err)
	_, err = c.Solvers(ctx, id)
	must(err)

	page, err := c.AddPage(ctx, whaley.ScoreboardPage{
		Route: "contract", Title: "Contract", Content: `<p id="x">ü</p><script>(async () => {})()</script>`,
	})
	must(err)
	shown, err := c.PageShown(ctx, "contract")
	must(err)
	if !strings.Contains(shown, "<script>(async") {
		t.Error(shown)
	}
	page.Content = "changed"
	must(c.ChangePage(ctx, page))
	again, err := c.Page(ctx, page.ID)
	must(err)
	listed, err := c.Pages(ctx)
	must(err)
	if again.Content != "changed" || again.Route != "contract" ||
		!slices.ContainsFunc(listed, func(p whaley.ScoreboardPage) bool { return p.ID == page.ID && p.Route == "contract" }) {
		t.Errorf("%+v %+v", again, listed)
	}
	must(c.RemovePage(ctx, page.ID))
	must(c.RemovePage(ctx, page.ID))
	_, err = c.Page(ctx, page.ID)
	code("a page that is none", err, ctfd.CodeNotFound)

	header, err := c.Setting(ctx, "theme_header")
	must(err)
	must(c.ChangeSetting(ctx, "theme_header", header+"<!-- ü -->"))
	changed, err := c.Setting(ctx, "theme_header")
	must(err)
	must(c.ChangeSetting(ctx, "theme_header", header))
	if changed != header+"<!-- ü -->" {
		t.Errorf("%q", changed)
	}
	if never, err := c.Setting(ctx, "whaley_never_set"); never != "" || err != nil {
		t.Errorf("%q %v", never, err)
	}
	some, err := c.Submissions(ctx, 1, 20)
	must(err)
	beyond, err := c.Submissions(ctx, some.Pages+7, 20)
	must(err)
	if len(beyond.Rows) != 0 {
		t.Errorf("after the last page: %+v", beyond)
	}
	exported := 0
	err = c.ExportSubmissions(ctx, func(whaley.Submission) error { exported++; return nil })
	if !exports {
		code("an export", err, ctfd.CodeNotFound)
		return
	}
	must(err)
	if exported != some.Total {
		t.Errorf("%d exported of %d", exported, some.Total)
	}
}
