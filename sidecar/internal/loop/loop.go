// Package loop has what loops in the background have in common: pauses that end with their context, back-offs, and
// signals that wake a loop early.
package loop

import (
	"context"
	"time"
)

// Sleep lets a time pass. An error says that ctx ended before.
func Sleep(ctx context.Context, d time.Duration) error { return Signal(nil).Wait(ctx, d) }

// Every does something again after each pause, until ctx ends.
func Every(ctx context.Context, pause time.Duration, do func()) {
	for Sleep(ctx, pause) == nil {
		do()
	}
}

// Signal wakes the one loop that waits for it, or that waits for it next. However often it is sent meanwhile, the loop
// wakes once.
type Signal chan struct{}

// NewSignal makes one that was not sent.
func NewSignal() Signal { return make(Signal, 1) }

// Send never blocks.
func (s Signal) Send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Wait waits for the signal, for a time at most. An error says that ctx ended before.
func (s Signal) Wait(ctx context.Context, atMost time.Duration) error {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Backoff is how long to pause after each failure in a row: First, then twice as long each time, at most Most.
type Backoff struct {
	First, Most time.Duration
	failures    int
}

// Next counts a failure and is the pause after it.
func (b *Backoff) Next() time.Duration {
	b.failures++
	return Doubled(b.First, b.Most, b.failures-1)
}

// Failed says whether the last try failed.
func (b *Backoff) Failed() bool { return b.failures > 0 }

// Reset says that a try did not fail.
func (b *Backoff) Reset() { b.failures = 0 }

// Doubled is the pause after a failure that others in a row came before.
func Doubled(first, most time.Duration, before int) time.Duration {
	return min(first<<min(before, 16), most)
}
