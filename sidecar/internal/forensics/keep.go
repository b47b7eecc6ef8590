package forensics

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	sweepEvery = 10 * time.Minute
	strayAge   = time.Hour // from when on a file without a row is nobody's
	batch      = 500
)

// Run removes what is too old until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		r.sweep(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *Recorder) sweep(ctx context.Context) {
	if _, err := r.Cleanup(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("old captures not removed yet", "err", err)
	}
	if err := r.removeStrays(ctx, time.Now().Add(-strayAge)); err != nil && ctx.Err() == nil {
		r.log.Warn("files without a capture not removed yet", "err", err)
	}
}

// Cleanup removes the captures on this sidecar's disk that are older than the retention, and returns how many.
func (r *Recorder) Cleanup(ctx context.Context) (int, error) {
	keep := r.opts.Retention()
	if keep <= 0 {
		return 0, nil
	}
	return r.Clear(ctx, whaley.CaptureQuery{Holder: r.opts.Holder, To: time.Now().Add(-keep)})
}

// Clear removes all captures that a query selects, and returns how many. The files of other sidecars go when these
// sweep.
func (r *Recorder) Clear(ctx context.Context, q whaley.CaptureQuery) (int, error) {
	q.Limit = batch
	removed := 0
	for {
		found, err := r.store.Captures(ctx, q)
		if err != nil || len(found) == 0 {
			return removed, err
		}
		ids := make([]string, len(found))
		for n, c := range found {
			ids[n] = c.ID
		}
		n, err := r.store.RemoveCaptures(ctx, ids)
		removed += n
		if err != nil {
			return removed, err
		}
		for _, c := range found {
			if c.Holder == r.opts.Holder {
				r.unlink(c.File)
			}
		}
	}
}

// Remove removes one capture.
func (r *Recorder) Remove(ctx context.Context, id string) error {
	c, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	if _, err := r.store.RemoveCaptures(ctx, []string{id}); err != nil {
		return err
	}
	if c.Holder == r.opts.Holder {
		r.unlink(c.File)
	}
	return nil
}

// Get reads the row of a capture.
func (r *Recorder) Get(ctx context.Context, id string) (*whaley.Capture, error) {
	c, err := r.store.Capture(ctx, id)
	if err == nil && c == nil {
		err = whaley.Errorf(whaley.NotFound, "capture_not_found", "There is no capture %q.", id)
	}
	return c, err
}

// Find lists rows.
func (r *Recorder) Find(ctx context.Context, q whaley.CaptureQuery) ([]whaley.Capture, error) {
	return r.store.Captures(ctx, q)
}

// Stats counts.
func (r *Recorder) Stats(ctx context.Context) (whaley.CaptureStats, error) {
	return r.store.CaptureStats(ctx)
}

// removeStrays removes files from before a time that no row names: a capture that died half made, or was removed by
// another sidecar.
func (r *Recorder) removeStrays(ctx context.Context, before time.Time) error {
	entries, err := os.ReadDir(r.opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.ModTime().After(before) {
			continue
		}
		id, ours := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".log")
		if strings.HasPrefix(e.Name(), partial) {
			r.unlink(e.Name())
			continue
		}
		if !ours {
			continue
		}
		c, err := r.store.Capture(ctx, id)
		if err != nil {
			return err
		}
		if c == nil {
			r.log.Info("removing a file that no capture names", "file", filepath.Join(r.opts.Dir, e.Name()))
			r.unlink(e.Name())
		}
	}
	return nil
}
