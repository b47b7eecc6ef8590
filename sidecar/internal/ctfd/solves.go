package ctfd

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Solvers are the teams, or where nobody plays in teams the players, that have solved a challenge, as owners. CTFd leaves
// out those that are hidden or banned.
func (c *Client) Solvers(ctx context.Context, challenge int) ([]string, error) {
	var rows []struct {
		Account int    `json:"account_id"`
		URL     string `json:"account_url"` // says what kind of account it is
	}
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/challenges/" + strconv.Itoa(challenge) + "/solves"}, &rows)
	owners := make([]string, len(rows))
	for n, row := range rows {
		owners[n] = whaley.UserID(row.Account)
		if strings.Contains(row.URL, "/teams/") {
			owners[n] = whaley.TeamID(row.Account)
		}
	}
	return owners, err
}
