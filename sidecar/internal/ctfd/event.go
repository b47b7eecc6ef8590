package ctfd

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Event is when the event takes place. What was never set stands in no row; times are seconds since 1970.
func (c *Client) Event(ctx context.Context) (whaley.ScoreboardEvent, error) {
	var rows []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/configs"}, &rows); err != nil {
		return whaley.ScoreboardEvent{}, err
	}
	e := whaley.ScoreboardEvent{}
	for _, row := range rows {
		text := valueText(row.Value)
		switch row.Key {
		case "start":
			e.Begins = moment(text)
		case "end":
			e.Ends = moment(text)
		case "paused":
			e.Paused = truth(text)
		case "view_after_ctf":
			e.Viewable = truth(text)
		}
	}
	return e, nil
}

// valueText is a value as CTFd's table of settings has it: text, which older rows hold as a number or a truth.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatInt(int64(v), 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func moment(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func truth(text string) bool {
	on, err := strconv.ParseBool(strings.ToLower(text))
	return err == nil && on
}
