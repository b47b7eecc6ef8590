package instancer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// diskEvery is the pause between two looks at what instances have written, during which nothing bounds them. Where
// somebody prints as fast as if he did so without end, the next look is soon.
const (
	diskEvery = 10 * time.Second
	diskSoon  = 2 * time.Second
)

// diskLoop stops instances that have written too much, before the host's disk is full for everybody.
func (i *Instancer) diskLoop(ctx context.Context) error {
	for wait := diskEvery; loop.Sleep(ctx, wait) == nil; {
		if err := i.CheckDisk(ctx); err != nil && ctx.Err() == nil {
			i.Log.Error("disk usage of some instances is unknown", "err", err)
		}
		if wait = diskEvery; i.somebodyIsLoud() {
			wait = diskSoon
		}
	}
	return nil
}

// CheckDisk looks once. What was seen counts also where not all could be.
func (i *Instancer) CheckDisk(ctx context.Context) error {
	p := i.Policy()
	if p.Disk == 0 && p.Files == 0 && p.DiskReserve == 0 && p.Output == 0 {
		return nil
	}
	i.diskLook.Lock()
	defer i.diskLook.Unlock()
	disk, err := i.Platform.Disk(ctx, p.Files)
	for id, w := range disk.Instances {
		switch {
		case p.Disk > 0 && w.Bytes > p.Disk:
			i.stopHog(
				ctx, id, whaley.CauseDisk,
				whaley.Errorf(
					whaley.Exhausted, whaley.CauseDisk, "The instance was stopped: it wrote %d MB to its disk, and may write %d MB.",
					mb(w.Bytes), mb(p.Disk),
				),
				"bytes", w.Bytes,
			)
		case p.Files > 0 && (w.Files > p.Files || w.Hides):
			i.stopHog(
				ctx, id, whaley.CauseFiles,
				whaley.Errorf(
					whaley.Exhausted, whaley.CauseFiles,
					"The instance was stopped: it has made more than %d files, or nested them too deep.", p.Files,
				),
				"files", w.Files,
			)
		}
	}
	i.checkOutput(ctx, disk, p)
	i.guardDisk(ctx, disk, p)
	return err
}

func mb(bytes int64) int64 { return bytes >> 20 }

// scarceFiles is of a file system's files how many must be free, as 1/n.
const scarceFiles = 50

// noticeable is what an instance must have written, or how many files it must have, to be stopped for the sake of
// others.
const (
	noticeable      = 64 << 20
	noticeableFiles = 1000
)

// guardDisk frees what is missing to the reserve, from the instance that has the most on. Files that have no name and
// are open nowhere that can be seen show in nothing but the space they take; then those that wrote the most are asked.
func (i *Instancer) guardDisk(ctx context.Context, disk whaley.Disk, p whaley.Policy) {
	var short *whaley.Error
	missing, missingFiles := p.DiskReserve-disk.Free, disk.AllFiles/scarceFiles-disk.FreeFiles
	switch {
	case p.DiskReserve == 0 || disk.Size == 0:
	case missing > 0:
		short = whaley.Errorf(
			whaley.Unavailable, "disk_short", "the engine's disk has %d MiB left, less than DISK_RESERVE=%d MiB", mb(disk.Free),
			mb(p.DiskReserve),
		)
	case missingFiles > 0:
		short = whaley.Errorf(
			whaley.Unavailable, "disk_short", "the engine's disk has room for %d more files, of %d", disk.FreeFiles,
			disk.AllFiles,
		)
	}
	before := i.diskShort.Swap(short)
	if short == nil {
		if before != nil {
			i.Log.Info("the engine's disk has room again", "free", disk.Free)
		}
		return
	}
	if before == nil {
		i.Log.Error(
			"the engine's disk is running full: instances that wrote the most are stopped; remove what is not needed (docker image prune), or make it larger",
			"err", short,
		)
		if err := i.Store.Record(ctx, whaley.Event{Type: "disk_short", Message: short.Detail, At: i.now()}); err != nil {
			i.Log.Error("event not recorded", "type", "disk_short", "err", err)
		}
	}
	has, least, lack := func(w whaley.Written) int64 { return w.Bytes }, int64(noticeable), missing
	if missing <= 0 {
		has, least, lack = func(w whaley.Written) int64 { return w.Files }, noticeableFiles, missingFiles
	}
	if !i.stopHeaviest(ctx, disk, has, least, lack) && missing > 0 {
		i.stopHeaviest(ctx, disk, func(w whaley.Written) int64 { return w.Wrote }, noticeable, 1) // one, and see
	}
}

// stopHeaviest stops instances, the heaviest first, until enough will be free. It says whether there was one.
func (i *Instancer) stopHeaviest(
	ctx context.Context, disk whaley.Disk, has func(whaley.Written) int64, least, lack int64,
) (found bool) {
	order := slices.SortedFunc(maps.Keys(disk.Instances), func(a, b string) int {
		return cmp.Compare(has(disk.Instances[b]), has(disk.Instances[a]))
	})
	for _, id := range order {
		amount := has(disk.Instances[id])
		if lack <= 0 || amount < least {
			break
		}
		lack -= amount
		found = true
		i.stopHog(
			ctx, id, whaley.CauseShort,
			whaley.Errorf(
				whaley.Exhausted, whaley.CauseShort,
				"The instance was stopped: the host's disk was running full, and it had written the most.",
			),
			"amount", amount,
		)
	}
	return found
}

// DiskShort says why the engine's disk is too full, or nil.
func (i *Instancer) DiskShort() error {
	if short := i.diskShort.Load(); short != nil {
		return short
	}
	return nil
}
