package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// maxPages of a list are read: of 50 rows each, so 50,000.
const maxPages = 1000

// Users lists the accounts that anybody may see, with the teams that they are in now. Who is banned or hidden is not
// among them, and who is an admin is not said.
func (c *Client) Users(ctx context.Context) (list []whaley.Account, pages int, err error) {
	rows, pages, err := pagesOf[user](ctx, c, request{method: http.MethodGet, path: "/users"})
	for _, u := range rows {
		list = append(list, u.account())
	}
	return list, pages, err
}

// Teams lists all teams, banned ones too, without their members. There are none where CTFd has no teams.
func (c *Client) Teams(ctx context.Context) (list []whaley.Team, pages int, err error) {
	rows, pages, err := pagesOf[team](
		ctx, c, request{method: http.MethodGet, path: "/teams", query: url.Values{"view": {"admin"}}},
	)
	if whaley.CodeOf(err) == CodeNotFound {
		return nil, 0, nil
	}
	for _, t := range rows {
		list = append(list, whaley.Team{ID: t.ID, Name: t.Name, Banned: t.Banned})
	}
	return list, pages, err
}

// pagesOf reads a list page by page, so that it takes one of CTFd's few workers at a time.
func pagesOf[T any](ctx context.Context, c *Client, r request) (all []T, pages int, err error) {
	for page := 1; page <= maxPages; page++ {
		query := url.Values{"page": {strconv.Itoa(page)}}
		for name, values := range r.query {
			query[name] = values
		}
		var rows []T
		at, err := c.do(ctx, request{method: r.method, path: r.path, query: query}, &rows)
		if whaley.CodeOf(err) == CodeNotFound && page > 1 { // rows were deleted meanwhile, before 3.7.2
			break
		}
		if err != nil {
			return nil, pages, err
		}
		all, pages = append(all, rows...), page
		if at.Next == nil {
			break
		}
	}
	return all, pages, nil
}
