package cheating

import (
	"context"
	"errors"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// heardFor is how long the plugin counts as there after it was heard of: it says something every minute.
	heardFor = 3 * time.Minute
	// rarely is how many times rarer submissions are read while they are told: in case one was not.
	rarely = 5
)

// Told looks at submissions that CTFd's plugin tells of, at once. It was heard of, if with none. lost says that it had
// more to tell than it could keep: then CTFd is read.
func (d *Detector) Told(ctx context.Context, some []whaley.Submission, lost bool) error {
	if d.ctfd == nil {
		return whaley.ErrNoCTFd
	}
	d.pushed.Store(time.Now().Unix())
	if lost {
		d.look.Send()
	}
	if len(some) == 0 {
		return nil
	}
	alone, err := d.playAlone(ctx)
	if err != nil {
		return err
	}
	d.scanning.Lock() // names are remembered under it
	defer d.scanning.Unlock()
	r := reading{Detector: d, alone: alone}
	if err := errors.Join(r.examine(ctx, some), r.keep(ctx)); err != nil {
		return err
	}
	if len(r.check.Found) > 0 {
		d.log.Warn("suspicious submissions", "new", len(r.check.Found))
	}
	return nil
}

// untilScan waits until CTFd's submissions are read again; false if ctx ended.
func (d *Detector) untilScan(ctx context.Context, began time.Time) bool {
	every := d.opts.ScanEvery
	if time.Since(time.Unix(d.pushed.Load(), 0)) < heardFor {
		every *= rarely
	}
	return d.look.Wait(ctx, time.Until(began.Add(every))) == nil
}
