package flag

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run registers flags, repairs what is missing in CTFd, reads submissions and writes contacts until ctx ends. Of several
// sidecars one at a time does each of these.
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

const (
	leadFor = 30 * time.Second // after the death of a sidecar another one goes on
	leadTry = 2 * time.Second  // between two looks whether it has
	// leadLeft is how much of a lease there must be before a call is made: no call takes longer.
	leadLeft = 20 * time.Second
)

// lead is one sidecar's hold on a piece of work.
type lead struct {
	store  leases
	name   string
	worker string
	until  time.Time // the lease surely lasts
	retry  time.Time
}

// mine says whether the work is this sidecar's now, and for the next call to CTFd.
func (l *lead) mine(ctx context.Context) (bool, error) {
	if time.Until(l.until) > leadLeft {
		return true, nil
	}
	if time.Now().Before(l.retry) {
		return false, nil
	}
	asked := time.Now()
	ok, err := l.store.Lead(ctx, l.name, l.worker, leadFor)
	if err != nil {
		return false, err
	}
	l.until, l.retry = asked.Add(leadFor), time.Time{}
	if !ok {
		l.until, l.retry = time.Time{}, asked.Add(leadTry)
	}
	return ok, nil
}

// resign lets another sidecar go on at once. Should this not succeed, the lease ends by itself.
func (l *lead) resign(ctx context.Context) {
	if l.until.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = l.store.Resign(ctx, l.name, l.worker)
	l.until = time.Time{}
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
