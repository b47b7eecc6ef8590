package ctfd

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// required finds the ids in a challenge's requirements, which an export has as Python writes them.
var required = regexp.MustCompile(`['"]prerequisites['"]\s*:\s*\[([^\]]*)\]`)

// Details reads of all challenges what the list does not say, in one request.
func (c *Client) Details(ctx context.Context) ([]whaley.ScoreboardDetails, error) {
	return c.budget.details.read(ctx, c.readDetails)
}

func (c *Client) readDetails(ctx context.Context) ([]whaley.ScoreboardDetails, error) {
	var all []whaley.ScoreboardDetails
	err := c.export(ctx, "challenges", []string{"id", "name", "state", "connection_info", "requirements"}, func(l line) error {
		d := whaley.ScoreboardDetails{
			ID: l.number("id"), Name: l.text("name"), Hidden: l.text("state") != "visible",
			ConnectionInfo: l.text("connection_info"),
		}
		if d.ConnectionInfo == "None" {
			d.ConnectionInfo = ""
		}
		if found := required.FindStringSubmatch(l.text("requirements")); found != nil {
			for _, text := range strings.Split(found[1], ",") {
				if id, err := strconv.Atoi(strings.Trim(text, " '\"")); err == nil {
					d.Requires = append(d.Requires, id)
				}
			}
		}
		all = append(all, d)
		return *l.wrong
	})
	return all, err
}

// Requirements is what has to be solved before a challenge, for a CTFd that exports nothing.
func (c *Client) Requirements(ctx context.Context, challenge int) ([]int, error) {
	var row struct {
		Prerequisites []int `json:"prerequisites"`
	}
	path := "/challenges/" + strconv.Itoa(challenge) + "/requirements"
	_, err := c.do(ctx, request{method: http.MethodGet, path: path, rank: chore}, &row) // null: nothing
	return row.Prerequisites, err
}

// Detail is the same of one challenge, without what it requires.
func (c *Client) Detail(ctx context.Context, challenge int) (whaley.ScoreboardDetails, error) {
	var row struct {
		ID             int    `json:"id"`
		Name           string `json:"name"`
		ConnectionInfo string `json:"connection_info"` // null: empty
	}
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/challenges/" + strconv.Itoa(challenge)}, &row)
	return whaley.ScoreboardDetails{ID: row.ID, Name: row.Name, ConnectionInfo: row.ConnectionInfo}, err
}
