package canary

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// dialFor is how long one try waits: before the kernel would send its packet again.
const dialFor = 800 * time.Millisecond

// Reached is a target that answered.
type Reached struct {
	Target
	After time.Duration `json:"after"` // between the beginning of the program and that of the try
}

// try connects to all targets at once and returns those that took the connection. A refusal is no answer: a network may
// refuse in the place of a target that it protects.
func try(ctx context.Context, targets []Target, began time.Time) []Reached {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		seen []Reached
	)
	for _, target := range targets {
		all.Go(func() {
			after := time.Since(began)
			conn, err := (&net.Dialer{Timeout: dialFor}).DialContext(ctx, "tcp", target.Address)
			if err != nil {
				return
			}
			conn.Close()
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, Reached{target, after})
		})
	}
	all.Wait()
	slices.SortFunc(seen, func(a, b Reached) int { return slices.Index(targets, a.Target) - slices.Index(targets, b.Target) })
	return seen
}
