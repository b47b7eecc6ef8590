package instancer

import (
	"context"
	"time"
)

// diskEvery is how often it is looked at what instances have written. Between two looks nothing bounds them.
const diskEvery = 10 * time.Second

// CauseDisk is that of an instance which wrote more than Policy.Disk.
const CauseDisk = "disk"

// diskLoop stops instances that have written too much, before the host's disk is full for everybody.
func (i *Instancer) diskLoop(ctx context.Context) error {
	for pause(ctx, diskEvery) == nil {
		if err := i.CheckDisk(ctx); err != nil && ctx.Err() == nil {
			i.Log.Error("what instances have written is not known", "err", err)
		}
	}
	return nil
}

// CheckDisk looks once.
func (i *Instancer) CheckDisk(ctx context.Context) error {
	limit := i.Policy().Disk
	if limit == 0 {
		return nil
	}
	written, err := i.Engine.Written(ctx)
	if err != nil {
		return err
	}
	for id, bytes := range written {
		if bytes <= limit {
			continue
		}
		in, err := i.Store.Get(ctx, id)
		if err != nil || !in.State.Live() || in.State == Stopping {
			continue
		}
		i.Log.Warn("instance wrote too much and is stopped", "instance", id, "owner", in.Owner.ID, "bytes", bytes, "limit", limit)
		if _, err := i.stop(ctx, in, CauseDisk); err != nil {
			i.Log.Error("instance that wrote too much not stopped", "instance", id, "err", err)
		}
	}
	return nil
}
