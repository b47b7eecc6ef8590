package app

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// slow is how long a part may take to close before the log names it.
const slow = 5 * time.Second

// lifecycle is a server on its way up, up, or on its way down. The first loop that fails ends the others.
type lifecycle struct {
	*errgroup.Group // its loops
	log             *slog.Logger
	end             context.CancelFunc
	parts           []part // the last is closed first
}

type part struct {
	name  string
	close func() error
}

// newLifecycle makes one without parts. Its loops run until the context that is returned ends, with ctx, with the first
// loop that fails, or with Stop.
func newLifecycle(ctx context.Context, log *slog.Logger) (*lifecycle, context.Context) {
	ctx, end := context.WithCancel(ctx)
	loops, ctx := errgroup.WithContext(ctx)
	return &lifecycle{Group: loops, log: log, end: end}, ctx
}

// OnStop has a part closed by Stop, before those that were named earlier.
func (a *lifecycle) OnStop(name string, close func() error) {
	a.parts = append(a.parts, part{name, close})
}

// Stop ends the loops, waits for them and closes every part, and returns the first error of a loop. Once it has
// returned, it does nothing.
func (a *lifecycle) Stop() error {
	a.end()
	err := a.Wait()
	for len(a.parts) > 0 {
		last := len(a.parts) - 1
		p := a.parts[last]
		a.parts = a.parts[:last]
		a.close(p)
	}
	return err
}

func (a *lifecycle) close(p part) {
	busy := time.AfterFunc(slow, func() { a.log.Warn("part takes long to close", "part", p.name) })
	defer busy.Stop()
	if err := p.close(); err != nil {
		a.log.Warn("close part failed", "part", p.name, "err", err)
	}
}
