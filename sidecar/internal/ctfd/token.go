package ctfd

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

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

// Tokens gives a function all access tokens that there are, whose each is and when it ends (zero: never). It is one
// request, an export, which CTFd has since 3.8.
func (c *Client) Tokens(ctx context.Context, each func(token string, account int, ends time.Time)) error {
	return c.export(ctx, "tokens", []string{"user_id", "expiration", "value"}, func(l line) error {
		account, ends := l.number("user_id"), time.Time{}
		if text := l.text("expiration"); text != "" && text != "None" {
			at, err := time.Parse(exportDate, text)
			*l.wrong = errors.Join(*l.wrong, err)
			ends = at
		}
		if *l.wrong != nil { // the values of its columns are in no error: they are somebody's tokens
			return misconfigured(errors.New("the export of tokens has a line that cannot be read"))
		}
		each(l.text("value"), account, ends)
		return nil
	})
}
