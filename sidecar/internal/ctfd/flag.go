package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type flag struct {
	ID        int    `json:"id"`
	Challenge int    `json:"challenge_id"`
	Content   string `json:"content"`
	Type      string `json:"type"`
	Data      string `json:"data"` // null: empty
}

func (f flag) scoreboard() whaley.ScoreboardFlag { return whaley.ScoreboardFlag(f) }

// Flags lists the flags of a challenge: with a content those that CTFd's database takes for the same, which may be
// without regard to case, else all.
func (c *Client) Flags(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error) {
	return c.flags(ctx, challenge, content, urgent)
}

// SampleFlags is Flags for what most likely is there, and may come late.
func (c *Client) SampleFlags(ctx context.Context, challenge int, content string) ([]whaley.ScoreboardFlag, error) {
	return c.flags(ctx, challenge, content, spare)
}

func (c *Client) flags(ctx context.Context, challenge int, content string, by rank) ([]whaley.ScoreboardFlag, error) {
	query := url.Values{"challenge_id": {strconv.Itoa(challenge)}}
	if content != "" {
		query.Set("content", content)
	}
	var rows []flag
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/flags", query: query, rank: by}, &rows)
	list := make([]whaley.ScoreboardFlag, len(rows))
	for n, row := range rows {
		list[n] = row.scoreboard()
	}
	return list, err
}

// OwnedFlag is the type of flags that Whaley's plugin in CTFd compares: right for one owner only.
const OwnedFlag = "whaley"

// AddFlag adds a flag and returns it as it was stored: one that is right for an owner only, or with none a static one.
// Calling it twice makes two. The type is always sent: CTFd stores a flag without one, and fails at every wrong submission
// from then on, as it does with a type that it does not know.
func (c *Client) AddFlag(ctx context.Context, challenge int, content, owner string) (whaley.ScoreboardFlag, error) {
	kind := "static"
	if owner != "" {
		kind = OwnedFlag
	}
	var row flag
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/flags", body: map[string]any{
		"challenge_id": challenge, "content": strings.TrimSpace(content), "type": kind, "data": owner,
	}}, &row)
	return row.scoreboard(), err
}

// OwnedFlags says whether CTFd has the plugin that knows flags of one owner only.
func (c *Client) OwnedFlags(ctx context.Context) (bool, error) {
	var types map[string]any
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/flags/types", rank: chore}, &types)
	_, there := types[OwnedFlag]
	return there, err
}

// RemoveFlag removes a flag; one that is not there is no error.
func (c *Client) RemoveFlag(ctx context.Context, id int) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: "/flags/" + strconv.Itoa(id)}, nil)
	if whaley.CodeOf(err) == CodeNotFound {
		return nil
	}
	return err
}
