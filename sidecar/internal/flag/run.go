package flag

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run registers flags, repairs what is missing in CTFd, reads submissions and writes contacts until ctx ends.
func (f *Flags) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.contactLoop(ctx) })
	if f.ctfd != nil {
		g.Go(func() error { return f.registerLoop(ctx) })
		g.Go(func() error { return f.verifyLoop(ctx) })
		g.Go(func() error { return f.scanLoop(ctx) })
	}
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
