package ctfd

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type page struct {
	ID       int    `json:"id,omitempty"`
	Title    string `json:"title"`
	Route    string `json:"route"`
	Content  string `json:"content"`
	Format   string `json:"format"`
	Draft    bool   `json:"draft"`
	Hidden   bool   `json:"hidden"`        // from the menu
	SignedIn bool   `json:"auth_required"` // whoever is not is sent to the sign-in and comes back
}

func (p page) scoreboardPage() whaley.ScoreboardPage {
	return whaley.ScoreboardPage{ID: p.ID, Route: p.Route, Title: p.Title, Content: p.Content}
}

// hiddenPage is a page for who is signed in, in no menu.
func hiddenPage(p whaley.ScoreboardPage) page {
	return page{Title: p.Title, Route: p.Route, Content: p.Content, Format: "html", Hidden: true, SignedIn: true}
}

// Pages lists the pages that organisers have made, without what is in them.
func (c *Client) Pages(ctx context.Context) ([]whaley.ScoreboardPage, error) {
	var rows []page
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/pages"}, &rows)
	list := make([]whaley.ScoreboardPage, len(rows))
	for n, row := range rows {
		list[n] = row.scoreboardPage()
	}
	return list, err
}

// Page is a page with what is in it, CodeNotFound if there is none.
func (c *Client) Page(ctx context.Context, id int) (whaley.ScoreboardPage, error) {
	var row page
	_, err := c.do(ctx, request{method: http.MethodGet, path: pagePath(id), rank: chore}, &row)
	return row.scoreboardPage(), err
}

// AddPage makes a page for who is signed in, in no menu, and returns it as it was stored.
func (c *Client) AddPage(ctx context.Context, p whaley.ScoreboardPage) (whaley.ScoreboardPage, error) {
	var row page
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/pages", body: hiddenPage(p)}, &row)
	return row.scoreboardPage(), err
}

// ChangePage writes a page again.
func (c *Client) ChangePage(ctx context.Context, p whaley.ScoreboardPage) error {
	_, err := c.do(ctx, request{method: http.MethodPatch, path: pagePath(p.ID), body: hiddenPage(p)}, nil)
	return err
}

// RemovePage deletes a page; one that is not there is no error.
func (c *Client) RemovePage(ctx context.Context, id int) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: pagePath(id)}, nil)
	if whaley.CodeOf(err) == CodeNotFound {
		return nil
	}
	return err
}

func pagePath(id int) string { return "/pages/" + strconv.Itoa(id) }

// PageShown is a page as browsers get it: settings of CTFd may take scripts out of what organisers have written.
func (c *Client) PageShown(ctx context.Context, route string) (string, error) {
	r := request{method: http.MethodGet, path: route, site: true}
	got, err := c.send(ctx, r)
	switch {
	case err != nil:
		return "", unavailable(fmt.Errorf("GET %s: %w", route, err))
	case got.status != http.StatusOK:
		return "", whaley.Errorf(
			whaley.NotFound, CodeNotFound, "CTFd shows no page at /%s: it answers %d.", route, got.status,
		)
	}
	return string(got.body), nil
}
