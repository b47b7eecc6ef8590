package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Solvers are the teams, or where nobody plays in teams the players, that have solved a challenge, as owners; hidden
// and banned ones too.
func (c *Client) Solvers(ctx context.Context, challenge int) ([]string, error) {
	var rows []struct {
		Account int    `json:"account_id"`
		URL     string `json:"account_url"` // says what kind of account it is
	}
	path := "/challenges/" + strconv.Itoa(challenge) + "/solves"
	_, err := c.do(ctx, request{method: http.MethodGet, path: path, rank: chore}, &rows)
	if err != nil {
		return nil, err
	}
	owners := make([]string, len(rows))
	for n, row := range rows {
		owners[n] = whaley.UserID(row.Account)
		if strings.Contains(row.URL, "/teams/") {
			owners[n] = whaley.TeamID(row.Account)
		}
	}
	unseen, err := c.unseenSolvers(ctx, challenge, owners)
	return append(owners, unseen...), err
}

// unseenFor is how long who was read counts at most: one account may have come in another's place.
const unseenFor = 10 * time.Minute

// unseen are solvers whom CTFd's list of solves leaves out.
type unseen struct {
	mu     sync.Mutex
	solves map[int]unseenSolves // challenge → what was read last
}

type unseenSolves struct {
	missing int // how many more submissions are right than the list of solves has
	owners  []string
	read    time.Time
}

// unseenSolvers are those whom CTFd's list of solves leaves out. Pages of submissions cost CTFd a second each, so they
// are read only when more or fewer are missing than the last time.
func (c *Client) unseenSolvers(ctx context.Context, challenge int, listed []string) ([]string, error) {
	c.unseen.mu.Lock()
	defer c.unseen.mu.Unlock()
	_, total, err := c.rightOnes(ctx, challenge, 1, 1)
	if err != nil || total.Total <= len(listed) {
		delete(c.unseen.solves, challenge)
		return nil, err
	}
	missing := total.Total - len(listed)
	if last := c.unseen.solves[challenge]; last.missing == missing && time.Since(last.read) < unseenFor {
		return last.owners, nil
	}
	teams, err := c.TeamMode(ctx)
	if err != nil {
		return nil, err
	}
	found := unseenSolves{missing: missing, read: time.Now()}
	for page := 1; ; page++ {
		rows, at, err := c.rightOnes(ctx, challenge, page, 100)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			owner := whaley.UserID(row.UserID)
			if teams {
				owner = whaley.TeamID(row.TeamID)
			}
			if !slices.Contains(listed, owner) && (!teams || row.TeamID != 0) {
				found.owners = append(found.owners, owner)
			}
		}
		if page >= at.Pages {
			break
		}
	}
	if c.unseen.solves == nil {
		c.unseen.solves = map[int]unseenSolves{}
	}
	c.unseen.solves[challenge] = found
	return found.owners, nil
}

// rightOnes is a page of the submissions that solved a challenge.
func (c *Client) rightOnes(ctx context.Context, challenge, page, perPage int) (rows []submission, at Pagination, err error) {
	at, err = c.do(ctx, request{method: http.MethodGet, path: "/submissions", rank: chore, query: url.Values{
		"type": {"correct"}, "challenge_id": {strconv.Itoa(challenge)}, "page": {strconv.Itoa(page)},
		"per_page": {strconv.Itoa(perPage)},
	}}, &rows)
	return rows, at, err
}
