package flag

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run maps challenges, registers flags and repairs what is missing in CTFd until ctx ends.
func (f *Flags) Run(ctx context.Context) error {
	if f.ctfd == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.mapLoop(ctx) })
	g.Go(func() error { return f.registerLoop(ctx) })
	g.Go(func() error { return f.verifyLoop(ctx) })
	return g.Wait()
}

// pause waits; false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
