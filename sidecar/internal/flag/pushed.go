package flag

import (
	"context"
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
func (f *Flags) Told(ctx context.Context, some []whaley.Submission, lost bool) error {
	if f.ctfd == nil {
		return ErrNoCTFd
	}
	f.pushed.Store(time.Now().Unix())
	if lost {
		select {
		case f.look <- struct{}{}:
		default:
		}
	}
	if len(some) == 0 {
		return nil
	}
	alone, err := f.playAlone(ctx)
	if err != nil {
		return err
	}
	f.scanning.Lock() // names are remembered under it
	defer f.scanning.Unlock()
	r := reading{Flags: f, alone: alone}
	if err := r.examine(ctx, some); err != nil {
		return err
	}
	if len(r.check.Found) > 0 {
		f.log.Warn("suspicious submissions", "new", len(r.check.Found))
	}
	return nil
}

// untilScan waits until CTFd's submissions are read again; false if ctx ended.
func (f *Flags) untilScan(ctx context.Context, began time.Time) bool {
	every := f.opts.ScanEvery
	if time.Since(time.Unix(f.pushed.Load(), 0)) < heardFor {
		every *= rarely
	}
	timer := time.NewTimer(time.Until(began.Add(every)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.look:
	case <-ctx.Done():
		return false
	}
	return true
}
