package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type challenge struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Type     string `json:"type"`
	Value    int    `json:"value"`
}

// Challenges lists all challenges, hidden ones too. The list itself does not say which players see, so it is asked for
// twice: what is not visible is hidden, or locked, or comes later.
func (c *Client) Challenges(ctx context.Context) ([]whaley.ScoreboardChallenge, error) {
	var rows, visible []challenge
	all := request{method: http.MethodGet, path: "/challenges", query: url.Values{"view": {"admin"}}}
	if _, err := c.do(ctx, all, &rows); err != nil {
		return nil, err
	}
	all.query = url.Values{"view": {"admin"}, "state": {"visible"}}
	if _, err := c.do(ctx, all, &visible); err != nil {
		return nil, err
	}
	isVisible := map[int]bool{}
	for _, row := range visible {
		isVisible[row.ID] = true
	}
	list := make([]whaley.ScoreboardChallenge, len(rows))
	for n, row := range rows {
		list[n] = whaley.ScoreboardChallenge{
			ID: row.ID, Name: row.Name, Category: row.Category, Type: row.Type, Value: row.Value, Hidden: !isVisible[row.ID],
		}
	}
	return list, nil
}

// SetConnectionInfo writes what players of a challenge are shown as the way to it.
func (c *Client) SetConnectionInfo(ctx context.Context, challenge int, text string) error {
	_, err := c.do(ctx, request{
		method: http.MethodPatch, path: "/challenges/" + strconv.Itoa(challenge),
		body: map[string]string{"connection_info": text},
	}, nil)
	c.budget.details.forget()
	return err
}
