package ctfd

import (
	"context"
	"net/http"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// RemoveToken deletes an access token by the right of a token of the same account, as itself. One that is not there is no
// error.
func (c *Client) RemoveToken(ctx context.Context, token string, id int) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: "/tokens/" + strconv.Itoa(id), token: token}, nil)
	if code := whaley.CodeOf(err); code == CodeNotFound || code == whaley.CodeTokenRefused {
		return nil
	}
	return err
}
