package connect

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	route = "whaley"
	title = "Whaley"
	mark  = `id="whaley-says"` // in the page, whatever its version
)

// working is the script in a page as browsers get it.
var working = regexp.MustCompile(`<script>\s*\(async`)

//go:embed page.html
var page string

// SignIn is the page of CTFd that signs players in here.
type SignIn struct {
	State  SignInState
	URL    string // of the page; empty: there is none that works
	Detail string // what is wrong and what to do
}

// SignInState is how it stands with the page.
type SignInState string

// States of the page.
const (
	SignInNone    SignInState = ""        // it was not made
	SignInStands  SignInState = "stands"  // as it should
	SignInGone    SignInState = "gone"    // it was deleted in CTFd
	SignInChanged SignInState = "changed" // somebody has written something else into it
)

// content is the page as it should be. It goes to one place only, whoever sends players to it.
func (c *Connection) content() string {
	to, err := json.Marshal(c.opts.Dashboard + "/login")
	if err != nil {
		return "" // text can be written as JSON
	}
	return strings.Replace(page, "DASHBOARD_LOGIN", string(to), 1)
}

func (c *Connection) signIn(state SignInState, detail string) SignIn {
	s := SignIn{State: state, Detail: detail}
	if state == SignInStands {
		s.URL = c.opts.Public + "/" + route
	}
	return s
}

// lookAtPage sees whether the page still stands, and brings one of an earlier version up to date.
func (c *Connection) lookAtPage(ctx context.Context, before written) (SignIn, error) {
	if before.Page == 0 {
		return c.signIn(SignInNone, ""), nil
	}
	there, err := c.ctfd.Page(ctx, before.Page)
	switch {
	case isNotFound(err):
		return c.signIn(
				SignInGone,
				"The page was deleted in CTFd: players copy a token by hand again. Make it again, or take it away here too.",
			),
			nil
	case err != nil:
		return SignIn{}, err
	case there.Route != route || there.Content != before.Content:
		return c.signIn(SignInChanged, "The page was changed in CTFd. Make it again, or take it away here too."), nil
	case before.Sent != c.content(): // of an earlier version, or for another address
		if err := c.writePage(ctx, there.ID); err != nil {
			return SignIn{}, err
		}
	}
	return c.signIn(SignInStands, ""), nil
}

// MakeSignIn makes the page in CTFd, or writes it again, and tries it. A page of the organisers' own at its address is
// not touched.
func (c *Connection) MakeSignIn(ctx context.Context) error {
	pages, err := c.ctfd.Pages(ctx)
	if err != nil {
		return err
	}
	id := 0
	for _, p := range pages {
		if p.Route != route {
			continue
		}
		there, err := c.ctfd.Page(ctx, p.ID)
		if err != nil {
			return err
		}
		if before, err := c.recall(ctx); err != nil || there.ID != before.Page && !strings.Contains(there.Content, mark) {
			return whaley.Errorf(whaley.Conflict, "ctfd_page_taken",
				"CTFd has a page of its own at /%s, which Whaley did not make. Give it another address in CTFd (Admin Panel, Pages), then try again.",
				route).Because(err)
		}
		id = there.ID
	}
	if err := c.writePage(ctx, id); err != nil {
		return err
	}
	shown, err := c.ctfd.PageShown(ctx, route)
	if err != nil {
		return err
	}
	if working.MatchString(shown) {
		c.setSignIn(c.signIn(SignInStands, ""))
		return nil
	}
	if err := c.RemoveSignIn(ctx); err != nil {
		return err
	}
	return whaley.Errorf(whaley.Conflict, "ctfd_scripts_removed",
		"CTFd takes scripts out of its pages, so none of them can sign anybody in. Switch HTML sanitization off (in CTFd under Config, Sanitize, or HTML_SANITIZATION in its config.ini), then try again.")
}

// writePage makes the page, or writes one again, and remembers it.
func (c *Connection) writePage(ctx context.Context, id int) error {
	p := whaley.ScoreboardPage{ID: id, Route: route, Title: title, Content: c.content()}
	var err error
	if id == 0 {
		p, err = c.ctfd.AddPage(ctx, p)
	} else if err = c.ctfd.ChangePage(ctx, p); err == nil {
		p, err = c.ctfd.Page(ctx, id)
	}
	if err != nil {
		return err
	}
	return c.remember(ctx, func(w *written) { w.Page, w.Sent, w.Content = p.ID, c.content(), p.Content })
}

// RemoveSignIn takes the page out of CTFd.
func (c *Connection) RemoveSignIn(ctx context.Context) error {
	before, err := c.recall(ctx)
	if err != nil || before.Page == 0 {
		return err
	}
	there, err := c.ctfd.Page(ctx, before.Page)
	switch {
	case isNotFound(err):
	case err != nil:
		return err
	case there.Route == route && strings.Contains(there.Content, mark): // another one may have got its number
		if err := c.ctfd.RemovePage(ctx, before.Page); err != nil {
			return err
		}
	}
	c.setSignIn(c.signIn(SignInNone, ""))
	return c.remember(ctx, func(w *written) { w.Page, w.Sent, w.Content = 0, "", "" })
}

func (c *Connection) setSignIn(s SignIn) {
	next := *c.now.Load()
	next.SignIn = s
	c.now.Store(&next)
}

func isNotFound(err error) bool {
	var e *whaley.Error
	return errors.As(err, &e) && e.Kind == whaley.NotFound
}
