package instancer

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

const expireEvery = time.Second

// expireLoop stops what is due. The rows say what that is: a clock that is set, an extension and another process's
// instances need no care of their own. What fails is tried again and holds up nothing else.
func (i *Instancer) expireLoop(ctx context.Context) error {
	for loop.Sleep(ctx, expireEvery) == nil {
		due, err := i.Store.Due(ctx, i.now())
		if err != nil && ctx.Err() == nil {
			i.Log.Error("list expired instances failed", "err", err)
		}
		i.expire(ctx, due)
	}
	return nil
}

// expire writes all at once, since hundreds may be due in the same moment, or one by one if that fails.
func (i *Instancer) expire(ctx context.Context, ids []string) {
	if len(ids) == 0 {
		return
	}
	stopping, err := i.Store.Expire(ctx, ids, i.now())
	if err != nil && len(ids) > 1 {
		for _, id := range ids {
			i.expire(ctx, []string{id})
		}
		return
	}
	if err != nil && ctx.Err() == nil {
		i.Log.Error("expired instance not stopped", "instance", ids[0], "err", err, "again_in", expireEvery)
	}
	for _, in := range stopping {
		i.changed(in)
		i.takeDown(in)
	}
}
