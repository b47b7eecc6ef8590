package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

type challenge struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Type     string `json:"type"`
	Value    int    `json:"value"`
}

// Challenges lists all challenges, hidden ones too. The list itself does not say which those are, so it is asked for
// twice.
func (c *Client) Challenges(ctx context.Context) ([]instancer.ScoreboardChallenge, error) {
	var rows, hidden []challenge
	all := request{method: http.MethodGet, path: "/challenges", query: url.Values{"view": {"admin"}}}
	if _, err := c.do(ctx, all, &rows); err != nil {
		return nil, err
	}
	all.query = url.Values{"view": {"admin"}, "state": {"hidden"}}
	if _, err := c.do(ctx, all, &hidden); err != nil {
		return nil, err
	}
	isHidden := map[int]bool{}
	for _, row := range hidden {
		isHidden[row.ID] = true
	}
	list := make([]instancer.ScoreboardChallenge, len(rows))
	for n, row := range rows {
		list[n] = instancer.ScoreboardChallenge{
			ID: row.ID, Name: row.Name, Category: row.Category, Type: row.Type, Value: row.Value, Hidden: isHidden[row.ID],
		}
	}
	return list, nil
}

// SetConnectionInfo writes what players of a challenge are shown as the way to it.
func (c *Client) SetConnectionInfo(ctx context.Context, challenge int, text string) error {
	_, err := c.do(ctx, request{
		method: http.MethodPatch, path: "/challenges/" + strconv.Itoa(challenge), body: map[string]string{"connection_info": text},
	}, nil)
	return err
}
