package ctfd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Standing is what an operator should know of the way to CTFd.
type Standing struct {
	Ahead time.Duration // of CTFd's clock, to the second; negative: it is behind ours
	// First and last moment at which a token of the admin's account ends: CTFd does not say which is ours. Zero: none ends.
	FirstEnd, LastEnd time.Time
}

// Standing compares clocks and looks when tokens end.
func (c *Client) Standing(ctx context.Context) (Standing, error) {
	r := request{method: http.MethodGet, path: "/tokens", rank: chore}
	got, err := c.send(ctx, r)
	if err != nil {
		return Standing{}, unavailable(fmt.Errorf("%s %s: %w", r.method, r.path, err))
	}
	if err := refusal(r, got); err != nil {
		return Standing{}, err
	}
	s := Standing{}
	if !got.date.IsZero() {
		s.Ahead = time.Until(got.date).Round(time.Second)
	}
	var list struct {
		Data []struct {
			Expiration time.Time `json:"expiration"`
		} `json:"data"`
	}
	if err := json.Unmarshal(got.body, &list); err != nil {
		return s, misconfigured(fmt.Errorf("%s %s: %w", r.method, r.path, err))
	}
	for _, token := range list.Data {
		if s.FirstEnd.IsZero() || token.Expiration.Before(s.FirstEnd) {
			s.FirstEnd = token.Expiration
		}
		if token.Expiration.After(s.LastEnd) {
			s.LastEnd = token.Expiration
		}
	}
	return s, nil
}
