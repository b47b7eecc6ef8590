package ctfd

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// lately is how long what is looked at all the time is not asked for again.
const lately = 20 * time.Second

// recent is something of CTFd's as it was a moment ago: several look at it, each at times of its own.
type recent[T any] struct {
	fresh  time.Duration // zero: it is asked for each time
	flight singleflight.Group
	mu     sync.Mutex
	value  T
	at     time.Time // zero: there is none
}

// read is what was read a moment ago, or asks.
func (r *recent[T]) read(ctx context.Context, ask func(context.Context) (T, error)) (value T, err error) {
	r.mu.Lock()
	value, at := r.value, r.at
	r.mu.Unlock()
	if time.Since(at) < r.fresh {
		return value, nil
	}
	asked := r.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
		defer cancel()
		got, err := ask(ctx)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.value, r.at = got, time.Now()
		}
		return got, err
	})
	select {
	case got := <-asked:
		value, _ = got.Val.(T)
		return value, got.Err
	case <-ctx.Done():
		return value, unavailable(ctx.Err())
	}
}

// forget has it asked for again.
func (r *recent[T]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = time.Time{}
}
