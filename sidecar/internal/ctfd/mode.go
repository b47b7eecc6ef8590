package ctfd

import (
	"context"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TeamMode says whether CTFd's players are in teams. A mode that was set from outside stands in no row, and then the
// way to one's own team tells: it is missing where there are no teams.
func (c *Client) TeamMode(ctx context.Context) (bool, error) {
	rows, err := c.settings(ctx)
	switch mode, set := rows["user_mode"]; {
	case status(err) == http.StatusForbidden:
		return false, notAdmin()
	case err != nil:
		return false, err
	case set:
		return mode == "teams", nil
	}
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/teams/me", rank: chore}, nil)
	switch {
	case whaley.CodeOf(err) == CodeNotFound:
		return false, nil
	case status(err) == http.StatusForbidden: // an admin without a team
		return true, nil
	}
	return err == nil, err
}
