package connect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	dashboard = "https://whaley.example"
	link      = dashboard + "/go/notes"
)

// world is a Connection on a real database, beside a CTFd with a challenge that is mapped.
type world struct {
	*connect.Connection
	t     *testing.T
	ctx   context.Context
	ctfd  *ctfdtest.Server
	db    *store.Store
	notes int
}

func newWorld(t *testing.T, connectionInfo string) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), ctfd: ctfdtest.New(t)}
	db, err := store.Open(w.ctx, "", storetest.Ready(t))
	w.must(err)
	t.Cleanup(func() { db.Close() })
	w.db = db
	w.notes = w.ctfd.AddChallenge(ctfdtest.Challenge{Name: "Notes, please", ConnectionInfo: connectionInfo})
	w.must(db.Map(
		w.ctx, &whaley.Mapping{Challenge: "notes", CTFdChallenge: w.notes, CTFdName: "Notes, please", CreatedAt: time.Now()},
	))
	w.Connection = w.again()
	return w
}

// again is the Connection of the next process.
func (w *world) again() *connect.Connection {
	client, err := ctfd.New(w.ctfd.URL, ctfd.Fixed(w.ctfd.Admin), slog.New(slog.DiscardHandler))
	w.must(err)
	return connect.New(
		client, w.db, connect.Options{Dashboard: dashboard, Public: w.ctfd.URL + "/"}, slog.New(slog.DiscardHandler),
	)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) code(want string, err error) {
	w.t.Helper()
	if got := whaley.CodeOf(err); got != want {
		w.t.Fatalf("%q, wanted %q: %v", got, want, err)
	}
}

func (w *world) looks() connect.Standing {
	w.t.Helper()
	w.must(w.Look(w.ctx))
	return w.Standing()
}

func TestThePageThatSignsInIsMadeHiddenAndLeadsToOurselvesOnly(t *testing.T) {
	w := newWorld(t, "")
	if s := w.Standing().SignIn; s.State != connect.SignInNone || s.URL != "" {
		t.Errorf("before: %+v", s)
	}
	w.must(w.MakeSignIn(w.ctx))
	if s := w.Standing().SignIn; s.State != connect.SignInStands || s.URL != w.ctfd.URL+"/whaley" {
		t.Errorf("%+v", s)
	}
	pages := w.ctfd.Pages()
	if len(pages) != 1 || !pages[0].Hidden || !pages[0].SignedIn || pages[0].Draft || pages[0].Format != "html" {
		t.Fatalf("%+v", pages)
	}
	if !strings.Contains(pages[0].Content, `const login = "`+dashboard+`/login";`) {
		t.Error(pages[0].Content)
	}
	w.must(w.MakeSignIn(w.ctx))
	if n := len(w.ctfd.Pages()); n != 1 {
		t.Errorf("made twice: %d pages", n)
	}
	w.must(w.RemoveSignIn(w.ctx))
	if n := len(w.ctfd.Pages()); n != 0 || w.Standing().SignIn.URL != "" {
		t.Errorf("taken away: %d pages, %+v", n, w.Standing())
	}
}

func TestAPageThatIsGoneOrChangedSendsNobodyThere(t *testing.T) {
	w := newWorld(t, "")
	w.must(w.MakeSignIn(w.ctx))
	id := w.ctfd.Pages()[0].ID
	if s := w.again(); s.Look(w.ctx) != nil || s.Standing().SignIn.State != connect.SignInStands {
		t.Errorf("after a restart: %+v", s.Standing())
	}
	w.ctfd.ChangePage(id, func(p *ctfdtest.SitePage) { p.Content = "Our own rules" })
	if s := w.looks().SignIn; s.State != connect.SignInChanged || s.URL != "" {
		t.Errorf("%+v", s)
	}
	w.code("ctfd_page_taken", func() error { w.must(w.RemoveSignIn(w.ctx)); return w.MakeSignIn(w.ctx) }())
	if w.ctfd.Pages()[0].Content != "Our own rules" {
		t.Error("what organisers wrote was touched")
	}
	w.ctfd.RemovePage(id)
	w.must(w.MakeSignIn(w.ctx))
	w.ctfd.RemovePage(w.ctfd.Pages()[0].ID)
	if s := w.looks().SignIn; s.State != connect.SignInGone || s.URL != "" || s.Detail == "" {
		t.Errorf("%+v", s)
	}
}

func TestAPageOfAnEarlierVersionIsWrittenAgain(t *testing.T) {
	w := newWorld(t, "")
	w.must(w.MakeSignIn(w.ctx))
	client, err := ctfd.New(w.ctfd.URL, ctfd.Fixed(w.ctfd.Admin), slog.New(slog.DiscardHandler))
	w.must(err)
	moved := connect.New(
		client, w.db, connect.Options{Dashboard: "https://new.example", Public: w.ctfd.URL}, slog.New(slog.DiscardHandler),
	)
	w.must(moved.Look(w.ctx))
	if s := moved.Standing().SignIn; s.State != connect.SignInStands ||
		!strings.Contains(w.ctfd.Pages()[0].Content, "https://new.example/login") {
		t.Errorf("%+v %s", s, w.ctfd.Pages()[0].Content)
	}
	w.must(moved.Look(w.ctx))
	if s := moved.Standing().SignIn; s.State != connect.SignInStands {
		t.Errorf("at the next look: %+v", s)
	}
}

func TestACTFdThatTakesScriptsOutOfPagesIsSaidSo(t *testing.T) {
	w := newWorld(t, "")
	w.ctfd.SetConfig("html_sanitization", "true")
	w.code("ctfd_scripts_removed", w.MakeSignIn(w.ctx))
	if n := len(w.ctfd.Pages()); n != 0 || w.Standing().SignIn.URL != "" {
		t.Errorf("%d pages, %+v", n, w.Standing())
	}
}

func TestALinkIsWrittenWhenAskedForAndRepaired(t *testing.T) {
	w := newWorld(t, "")
	if s := w.looks(); s.Links["notes"].State != connect.LinkNone || w.ctfd.Challenge(w.notes).ConnectionInfo != "" {
		t.Errorf("nobody asked for it: %+v", s)
	}
	_, err := w.WriteLink(w.ctx, "notes", false)
	w.must(err)
	if got := w.ctfd.Challenge(w.notes).ConnectionInfo; got != link ||
		w.Standing().Links["notes"].State != connect.LinkStands {
		t.Errorf("%q %+v", got, w.Standing())
	}
	// ctfcli writes nothing; an earlier version wrote this
	for _, lost := range []string{"", dashboard + "/?challenge=notes"} {
		w.ctfd.ChangeChallenge(w.notes, func(c *ctfdtest.Challenge) { c.ConnectionInfo = lost })
		if s := w.looks(); s.Links["notes"].State != connect.LinkStands || w.ctfd.Challenge(w.notes).ConnectionInfo != link {
			t.Errorf("%q is not repaired: %+v", lost, s)
		}
	}
}

func TestAnAuthorsOwnTextStaysUntilItIsToBeReplaced(t *testing.T) {
	const own = "nc example 1337"
	w := newWorld(t, own)
	_, err := w.WriteLink(w.ctx, "notes", false)
	w.code("connection_info_taken", err)
	others, err := w.WriteLinks(w.ctx)
	w.must(err)
	if s := w.looks().Links["notes"]; s != (connect.Link{State: connect.LinkOther, Text: own}) || len(others) != 1 ||
		w.ctfd.Challenge(w.notes).ConnectionInfo != own {
		t.Errorf("%+v %v", s, others)
	}
	_, err = w.WriteLink(w.ctx, "notes", true)
	w.must(err)
	if got := w.ctfd.Challenge(w.notes).ConnectionInfo; got != link {
		t.Error(got)
	}
	w.must(w.RemoveLinks(w.ctx))
	if got := w.ctfd.Challenge(w.notes).ConnectionInfo; got != "" || w.Standing().Links["notes"].State != connect.LinkNone {
		t.Errorf("taken away: %q %+v", got, w.Standing())
	}
}

func TestAReusedNumberGetsNoLink(t *testing.T) {
	w := newWorld(t, "")
	_, err := w.WriteLink(w.ctx, "notes", false)
	w.must(err)
	w.ctfd.RemoveChallenge(w.notes)
	w.ctfd.ReuseChallenge(w.notes, ctfdtest.Challenge{Name: "Bonus"})
	_, err = w.WriteLink(w.ctx, "notes", true)
	w.code("mapping_doubtful", err)
	if s := w.looks().Links["notes"].State; s != connect.LinkGone || w.ctfd.Challenge(w.notes).ConnectionInfo != "" {
		t.Errorf("%s %+v", s, w.ctfd.Challenge(w.notes))
	}
}

func TestACTFdWithoutExportsIsAskedOneByOne(t *testing.T) {
	w := newWorld(t, "")
	w.ctfd.As(7)
	others, err := w.WriteLinks(w.ctx)
	w.must(err)
	if got := w.ctfd.Challenge(w.notes).ConnectionInfo; got != link || len(others) != 0 {
		t.Errorf("%q %v", got, others)
	}
}

func TestEachPartThatIsAChallengeOfItsOwnInCTFdHasTheLink(t *testing.T) {
	w := newWorld(t, "")
	second := w.ctfd.AddChallenge(ctfdtest.Challenge{Name: "Notes, part two"})
	w.must(w.db.Map(
		w.ctx,
		&whaley.Mapping{
			Challenge: "notes", Part: "two", CTFdChallenge: second, CTFdName: "Notes, part two", CreatedAt: time.Now(),
		},
	))
	_, err := w.WriteLink(w.ctx, "notes", false)
	w.must(err)
	w.ctfd.ChangeChallenge(second, func(c *ctfdtest.Challenge) { c.ConnectionInfo = "" })
	w.looks()
	for _, id := range []int{w.notes, second} {
		if got := w.ctfd.Challenge(id).ConnectionInfo; got != link {
			t.Errorf("%d: %q", id, got)
		}
	}
}

func TestTheScriptOfTheChallengeWindowLeavesTheHeaderAsItWas(t *testing.T) {
	w := newWorld(t, "")
	for _, was := range []string{"", "<style>a{}</style>", "<style>a{}</style>\n"} {
		w.ctfd.SetConfig("theme_header", was)
		w.must(w.ShowWindow(w.ctx, true))
		w.must(w.ShowWindow(w.ctx, true))
		now := w.ctfd.Config("theme_header")
		if !strings.HasPrefix(now, was) || strings.Count(now, "<script") != 1 ||
			!strings.Contains(now, dashboard+"/ctfd.js") || !w.looks().Window {
			t.Errorf("%q", now)
		}
		w.must(w.ShowWindow(w.ctx, false))
		if now := w.ctfd.Config("theme_header"); strings.TrimSuffix(now, "\n") != strings.TrimSuffix(was, "\n") ||
			w.looks().Window {
			t.Errorf("%q instead of %q", now, was)
		}
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	io.WriteString(z, w.WindowScript())
	z.Close()
	t.Logf("%d bytes gzip", packed.Len())
	if packed.Len() > 15_000 || !strings.Contains(w.WindowScript(), `const dashboard = "`+dashboard+`";`) {
		t.Errorf("%d bytes", packed.Len())
	}
}
