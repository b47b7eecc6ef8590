package whaley

import (
	"context"
	"time"
)

// EventQuery selects events, newest first. Empty fields select all.
type EventQuery struct {
	Types     []string
	Instance  string
	Challenge string
	Owner     string
	Player    string
	Words     string // all of them are in the message, the last one perhaps not to its end
	From, To  time.Time
	After     string // id of the last event of the page before
	Limit     int
}

// EventStats are the log of events in numbers.
type EventStats struct {
	Total   int64
	ByType  map[string]int64
	LastDay int64 // in the last 24 hours
	Owners  int64 // that ever did something
}

type requestKey struct{}

// WithRequest returns a context for what is done on behalf of a request.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf is the id of the request on whose behalf something is done, or "".
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
