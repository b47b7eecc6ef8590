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

// Users gives a function the accounts that anybody may see, page by page, with the teams that they are in now. Who is
// banned or hidden is not among them, and who is an admin is not said.
func (c *Client) Users(ctx context.Context, each func([]whaley.Account) error) (pages int, err error) {
	for page := 1; page <= maxPages; page++ {
		rows, at, err := pageOf[user](ctx, c, "/users", page, nil)
		if whaley.CodeOf(err) == CodeNotFound && page > 1 { // rows were deleted meanwhile, before 3.7.2
			return pages, nil
		}
		if err != nil {
			return pages, err
		}
		pages = page
		list := make([]whaley.Account, len(rows))
		for n, u := range rows {
			list[n] = u.account()
		}
		if err := each(list); err != nil || at.Next == nil {
			return pages, err
		}
	}
	return pages, nil
}

// Teams is a page of all teams, banned ones too, without their members; of how many pages, and how many teams there are.
// There are none where CTFd has no teams.
func (c *Client) Teams(ctx context.Context, page int) (list []whaley.Team, pages, total int, err error) {
	rows, at, err := pageOf[team](ctx, c, "/teams", page, url.Values{"view": {"admin"}})
	if whaley.CodeOf(err) == CodeNotFound {
		return nil, 0, 0, nil
	}
	for _, t := range rows {
		list = append(list, whaley.Team{ID: t.ID, Name: t.Name, Banned: t.Banned})
	}
	return list, at.Pages, at.Total, err
}

// TeamsShown is how many teams are neither banned nor hidden.
func (c *Client) TeamsShown(ctx context.Context) (int, error) {
	_, at, err := pageOf[team](ctx, c, "/teams", 1, nil)
	if whaley.CodeOf(err) == CodeNotFound {
		return 0, nil
	}
	return at.Total, err
}

// pageOf reads a page of a list.
func pageOf[T any](ctx context.Context, c *Client, path string, page int, query url.Values) (rows []T, at Pagination, err error) {
	q := url.Values{"page": {strconv.Itoa(page)}}
	for name, values := range query {
		q[name] = values
	}
	at, err = c.do(ctx, request{method: http.MethodGet, path: path, query: q, rank: listed}, &rows)
	return rows, at, err
}
