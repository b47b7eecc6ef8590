package flag

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Suspicions is one page of the review list, newest first.
func (f *Flags) Suspicions(
	ctx context.Context, which whaley.SuspicionFilter, after string, limit int,
) ([]*whaley.Suspicion, error) {
	return f.store.ListSuspicions(ctx, which, after, limit)
}

// CountSuspicions says how many the review list has.
func (f *Flags) CountSuspicions(ctx context.Context, which whaley.SuspicionFilter) (int, error) {
	return f.store.CountSuspicions(ctx, which)
}

// Review writes what an organiser made of a suspicion. Nothing else follows from it.
func (f *Flags) Review(
	ctx context.Context, id string, state whaley.ReviewState, note, by string,
) (*whaley.Suspicion, error) {
	return f.store.ReviewSuspicion(ctx, id, state, note, by, time.Now().UTC())
}

// ClearSuspicions takes everything off the review list and says how many that were. The evidence is kept, and the same
// findings do not come back.
func (f *Flags) ClearSuspicions(ctx context.Context) (int, error) {
	return f.store.ClearSuspicions(ctx, time.Now().UTC())
}

// LastCheck is how far CTFd's submissions have been read.
func (f *Flags) LastCheck(ctx context.Context) (whaley.Scan, error) { return f.store.Scan(ctx) }
