package ctfd

import (
	"context"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// settings are all of CTFd's.
func (c *Client) settings(ctx context.Context) (map[string]string, error) {
	return c.budget.settings.read(ctx, c.readSettings)
}

// readSettings reads all that were ever set.
func (c *Client) readSettings(ctx context.Context) (map[string]string, error) {
	var list []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/configs", rank: chore}, &list); err != nil {
		return nil, err
	}
	rows := map[string]string{}
	for _, row := range list {
		rows[row.Key] = valueText(row.Value)
	}
	return rows, nil
}

// SettingLately is what one of CTFd's settings was a moment ago, for those who only look.
func (c *Client) SettingLately(ctx context.Context, key string) (string, error) {
	rows, err := c.settings(ctx)
	return rows[key], err
}

// Setting is one of CTFd's settings as text, empty if it was never set.
func (c *Client) Setting(ctx context.Context, key string) (string, error) {
	var row struct {
		Value any `json:"value"`
	}
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/configs/" + key}, &row)
	if whaley.CodeOf(err) == CodeNotFound {
		return "", nil
	}
	text, _ := row.Value.(string)
	return text, err
}

// ChangeSetting sets one.
func (c *Client) ChangeSetting(ctx context.Context, key, value string) error {
	_, err := c.do(ctx, request{method: http.MethodPatch, path: "/configs", body: map[string]string{key: value}}, nil)
	c.budget.settings.forget()
	return err
}
