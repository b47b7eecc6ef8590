package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var counts = []int{50, 500, 5000}

// growth is what a dashboard, a scrape, a look at everything and an expiry cost while few or many instances live. The
// engine is one in memory, so all of it is the sidecar's own work.
func growth(ctx context.Context, dir string, rounds int, r *results) error {
	var crowds []*crowd
	for _, count := range counts {
		c, err := newCrowd(ctx, dir, count)
		if err != nil {
			return err
		}
		defer c.end() //nolint:errcheck // nothing is left behind
		crowds = append(crowds, c)
		progress("%d instances live", count)
	}
	var looks, scrapes, pages = map[int][]time.Duration{}, map[int][]time.Duration{}, map[int][]time.Duration{}
	for round := range rounds + 1 {
		for n := range crowds {
			c := crowds[(n+round)%len(crowds)]
			began := time.Now()
			if err := c.rules.Reconcile(ctx); err != nil {
				return err
			}
			look := time.Since(began)
			began = time.Now()
			w := httptest.NewRecorder()
			c.metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			scrape := time.Since(began)
			if round > 0 {
				looks[c.count], scrapes[c.count] = append(looks[c.count], look), append(scrapes[c.count], scrape)
			}
		}
		runtime.GC()                       // what is asked next pays for its own garbage only
		for n := range 100 * len(crowds) { // each is a dashboard that opens
			c := crowds[(n+round)%len(crowds)]
			for _, path := range []string{"/challenges", "/instances"} {
				took, err := c.get((round*50+n*37)%c.count, path)
				if err != nil {
					return err
				}
				if round > 0 {
					pages[c.count] = append(pages[c.count], took)
				}
			}
		}
	}
	for _, c := range crowds[1:] {
		for _, p := range []int{50, 99} {
			r.ratio(
				fmt.Sprintf("growth_api_p%d_%d_over_%d", p, c.count, counts[0]),
				float64(percentile(pages[c.count], p))/float64(percentile(pages[counts[0]], p)),
			)
		}
	}
	for _, c := range crowds {
		name := fmt.Sprint("growth_", c.count)
		r.milliseconds(name+"_api_p50_ms", percentile(pages[c.count], 50))
		r.milliseconds(name+"_api_p99_ms", percentile(pages[c.count], 99))
		r.milliseconds(name+"_scrape_p50_ms", percentile(scrapes[c.count], 50))
		r.milliseconds(name+"_reconcile_p50_ms", percentile(looks[c.count], 50))
		r.value(name+"_memory_mb", c.memory>>20)
	}
	r.value("growth_n", rounds)
	for _, c := range crowds {
		late, err := c.expire(ctx)
		if err != nil {
			return err
		}
		r.milliseconds(fmt.Sprintf("growth_%d_expiry_late_p50_ms", c.count), percentile(late, 50))
		r.milliseconds(fmt.Sprintf("growth_%d_expiry_late_max_ms", c.count), percentile(late, 100))
	}
	return nil
}

// expire lets twenty more instances end, one after the other, and says how late each was told to.
func (c *crowd) expire(ctx context.Context) ([]time.Duration, error) {
	const ending = 20
	due := map[string]time.Time{}
	first := time.Now().UTC().Add(2 * time.Second)
	for n := range ending {
		at := first.Add(time.Duration(n) * 50 * time.Millisecond)
		if err := c.insert(ctx, c.count+n, at); err != nil {
			return nil, err
		}
		due[fmt.Sprintf("challenge-%d-owner-%d", (c.count+n)%20, c.count+n)] = at
	}
	if err := c.rules.Reconcile(ctx); err != nil {
		return nil, err
	}
	var late []time.Duration
	for len(due) > 0 {
		for id, at := range due {
			in, err := c.db.Get(ctx, id)
			if err != nil {
				return nil, err
			}
			if in.State != whaley.Running {
				late = append(late, max(0, time.Since(at)))
				delete(due, id)
			}
		}
		if time.Since(first) > time.Minute {
			return nil, fmt.Errorf("%d instances do not expire", len(due))
		}
		time.Sleep(time.Millisecond) // the moment is read from the row, not told
	}
	return late, nil
}
