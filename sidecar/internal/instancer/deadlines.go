package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	expireRetry = 5 * time.Second // after an expiry that could not be written
	longestNap  = time.Second     // the clock may be set while the loop sleeps, which its timer does not notice
)

// expireLoop stops what is due, after a look at the rows: the schedule may be out of date. What fails is tried again and
// holds up nothing else.
func (i *Instancer) expireLoop(ctx context.Context) error {
	for {
		ids, next := i.deadline.due(i.now())
		if len(ids) > 0 {
			i.expire(ctx, ids)
			continue
		}
		timer := time.NewTimer(min(next, longestNap))
		select {
		case <-timer.C:
		case <-i.deadline.earlier:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// expire writes all at once, since hundreds may be due in the same moment, or one by one if that fails.
func (i *Instancer) expire(ctx context.Context, ids []string) {
	now := i.now()
	stopping, err := i.Store.Expire(ctx, ids, now)
	if err != nil && len(ids) > 1 {
		for _, id := range ids {
			i.expire(ctx, []string{id})
		}
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			i.Log.Error("instance did not expire", "instance", ids[0], "err", err, "again_in", expireRetry)
			i.deadline.set(ids[0], now.Add(expireRetry))
		}
		return
	}
	written := map[string]bool{}
	for _, in := range stopping {
		written[in.ID] = true
		i.changed(in)
		i.takeDown(in)
	}
	for _, id := range ids {
		if written[id] {
			continue
		}
		// Extended by another sidecar, stopped meanwhile, or gone.
		if in, err := i.Store.Get(ctx, id); err == nil && in.State == whaley.Running {
			i.deadline.set(id, in.ExpiresAt)
		}
	}
}
