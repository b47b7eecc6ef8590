package ctfd

import (
	"context"
	"net/http"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

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
	return err
}
