package flag

import (
	"context"

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
