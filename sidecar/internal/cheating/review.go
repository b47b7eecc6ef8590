package cheating

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Suspicions is one page of the review list, newest first.
func (d *Detector) Suspicions(
	ctx context.Context, which whaley.SuspicionFilter, after string, limit int,
) ([]*whaley.Suspicion, error) {
	return d.store.ListSuspicions(ctx, which, after, limit)
}

// CountSuspicions says how many the review list has.
func (d *Detector) CountSuspicions(ctx context.Context, which whaley.SuspicionFilter) (int, error) {
	return d.store.CountSuspicions(ctx, which)
}

// Review writes what an organiser made of a suspicion. Nothing else follows from it.
func (d *Detector) Review(
	ctx context.Context, id string, state whaley.ReviewState, note, by string,
) (*whaley.Suspicion, error) {
	return d.store.ReviewSuspicion(ctx, id, state, note, by, time.Now().UTC())
}

// ClearSuspicions takes everything off the review list and says how many that were. The evidence is kept, and the same
// findings do not come back.
func (d *Detector) ClearSuspicions(ctx context.Context) (int, error) {
	return d.store.ClearSuspicions(ctx, time.Now().UTC())
}

// LastCheck is how far CTFd's submissions have been read.
func (d *Detector) LastCheck(ctx context.Context) (whaley.Scan, error) { return d.store.Scan(ctx) }
