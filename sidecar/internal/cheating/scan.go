package cheating

import (
	"context"
	"errors"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	pageSize   = 100  // CTFd's most
	fewRows    = 50   // new ones, for which pages of this size are read: each row costs CTFd several queries
	examineMax = 5000 // submissions of an export that are looked at together
)

// Check is what one reading of CTFd's submissions did.
type Check struct {
	Full     bool // all were read, not only the latest
	Examined int
	Total    int // submissions that CTFd has
	Requests int // made to CTFd
	Took     time.Duration
	Found    []*whaley.Suspicion // new ones
}

// scanLoop reads what is new among CTFd's submissions.
func (d *Detector) scanLoop(ctx context.Context) error {
	for {
		began := time.Now()
		check, err := d.CheckSubmissions(ctx, false)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			d.log.Warn("submissions in ctfd not read", "err", err)
		case len(check.Found) > 0:
			d.log.Warn("suspicious submissions", "new", len(check.Found))
		}
		if !d.untilScan(ctx, began) {
			return nil
		}
	}
}

// CheckSubmissions reads what is new among CTFd's submissions, or with full all of them, and puts what it finds into
// the review list.
func (d *Detector) CheckSubmissions(ctx context.Context, full bool) (Check, error) {
	if d.ctfd == nil {
		return Check{}, whaley.ErrNoCTFd
	}
	d.scanning.Lock()
	defer d.scanning.Unlock()
	began := time.Now()
	was, err := d.store.Scan(ctx)
	if err != nil {
		return Check{}, err
	}
	r := reading{Detector: d}
	now := was
	if r.alone, err = d.playAlone(ctx); err == nil {
		now, err = r.read(ctx, was, full || began.Sub(was.FullAt) > d.opts.FullEvery)
	}
	if err == nil {
		err = r.keep(ctx)
	}
	r.check.Took = time.Since(began)
	if err != nil {
		now = was
		now.Problem = whaley.ReasonOf(err)
	} else {
		now.Problem, now.CheckedAt = "", began.UTC()
	}
	now.TriedAt, now.Requests = began.UTC(), r.check.Requests
	r.check.Total = now.Total
	return r.check, errors.Join(err, d.store.SaveScan(context.WithoutCancel(ctx), now))
}

// reading is one look at CTFd's submissions.
type reading struct {
	*Detector
	check  Check
	solved map[place]whaley.Solve
	alone  bool // instances belong to players, whatever team CTFd still knows them in
}

// playAlone says whether instances belong to players and not to teams.
func (d *Detector) playAlone(ctx context.Context) (bool, error) {
	if d.opts.Teams != nil {
		return !*d.opts.Teams, nil
	}
	teams, err := d.ctfd.TeamMode(ctx)
	return !teams, err
}

// read looks at as little as surely holds all that is new, and at everything where that cannot be known. It returns
// how far it got.
func (r *reading) read(ctx context.Context, was whaley.Scan, full bool) (whaley.Scan, error) {
	if !full {
		total, quiet, err := r.quiet(ctx, was)
		if err != nil || quiet {
			return was, err
		}
		size := pageSize
		if was.Total > 0 && total-was.Total <= fewRows {
			size = fewRows
		}
		now, whole, err := r.window(ctx, was, size)
		if err != nil || whole {
			return now, err
		}
	}
	r.check.Full = true
	now, err := r.all(ctx)
	now.FullAt = time.Now().UTC()
	return now, err
}

// quiet says whether nothing has happened: as many submissions as before, and the same one the last. Two that balance
// each other change the last.
func (r *reading) quiet(ctx context.Context, was whaley.Scan) (total int, quiet bool, err error) {
	if was.Total == 0 {
		return 0, false, nil
	}
	page, err := r.page(ctx, was.Total, 1)
	if err != nil || page.Total != was.Total || len(page.Rows) != 1 {
		return page.Total, false, err
	}
	last := page.Rows[0]
	return page.Total, last.ID == was.LastID && last.At.Equal(was.LastAt), nil
}

// window reads from somewhat before where the last reading ended. Ids are given before rows can be seen, so a lower one
// may appear after a higher one; and rows disappear, which moves all that follow. It is not whole if so many have
// disappeared that some may have been missed.
func (r *reading) window(ctx context.Context, was whaley.Scan, size int) (now whaley.Scan, whole bool, err error) {
	first := max(1, was.Total/size-1)
	now = was
	now.LastID, now.LastAt = 0, time.Time{}
	lowest, total := 0, was.Total
	for n := first; ; n++ {
		page, err := r.page(ctx, n, size)
		if err != nil {
			return was, false, err
		}
		if page.Total < total {
			return was, false, nil
		}
		total = page.Total
		for _, s := range page.Rows {
			if lowest == 0 || s.ID < lowest {
				lowest = s.ID
			}
			now.Seen(s)
		}
		if err := r.examine(ctx, page.Rows); err != nil {
			return was, false, err
		}
		if n >= page.Pages {
			break
		}
	}
	now.Total = total
	return now, first == 1 || lowest > 0 && lowest <= was.LastID, nil
}

// all reads everything: by export, which is one request, or where that is refused page by page.
func (r *reading) all(ctx context.Context) (whaley.Scan, error) {
	var now whaley.Scan
	var some []whaley.Submission
	r.check.Requests++
	err := r.ctfd.ExportSubmissions(ctx, func(s whaley.Submission) error {
		now.Total++
		now.Seen(s)
		if some = append(some, s); len(some) < examineMax {
			return nil
		}
		err := r.examine(ctx, some)
		some = some[:0]
		return err
	})
	if err == nil {
		return now, r.examine(ctx, some)
	}
	if whaley.Refused(err) {
		r.log.Warn("ctfd exports no submissions, reading them page by page", "err", err)
		now, _, err = r.window(ctx, whaley.Scan{}, pageSize)
	}
	return now, err
}

func (r *reading) page(ctx context.Context, n, perPage int) (whaley.Submissions, error) {
	r.check.Requests++
	return r.ctfd.Submissions(ctx, n, perPage)
}
