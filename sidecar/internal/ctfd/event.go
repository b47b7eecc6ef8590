package ctfd

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Event is when the event takes place. What was never set stands in no row; times are seconds since 1970.
func (c *Client) Event(ctx context.Context) (whaley.ScoreboardEvent, error) {
	rows, err := c.settings(ctx)
	return whaley.ScoreboardEvent{
		Begins: moment(rows["start"]), Ends: moment(rows["end"]),
		Paused: truth(rows["paused"]), Viewable: truth(rows["view_after_ctf"]),
	}, err
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
