package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	requests    = 50 // at once to one host that sleeps
	concurrency = 10 // of starts: SPAWN_CONCURRENCY's default
)

// burst is many requests to one sleeping host at once, which must make one instance and all be answered.
func burst(ctx context.Context, dir string, rounds int, r *results) error {
	s, err := startSidecar(ctx, dir, 0, 4)
	if err != nil {
		return err
	}
	defer s.close()
	spawns, answered, times := 0, 0, []time.Duration{}
	for range max(3, rounds/4) {
		if err := s.until(ctx, "sandboxes are ready", s.ready); err != nil {
			return err
		}
		before := s.counted()
		began := time.Now()
		failed := s.atOnce(requests, func(int) error { return s.get(s.urls["bench"], "127.0.0.1") })
		times = append(times, time.Since(began))
		answered += requests - len(failed)
		if err := s.until(ctx, "it is stopped", func() error { return s.stop("127.0.0.1") }); err != nil {
			return err
		}
		spawns += s.counted() - before
	}
	r.value("burst_spawns_of_each", float64(spawns)/float64(len(times)))
	r.value("burst_answered_of_50", float64(answered)/float64(len(times)))
	r.value("burst_p50_ms", percentile(times, 50).Milliseconds())
	r.value("burst_n", len(times))
	return nil
}

// owners is how many instances a second come up when many owners ask at once.
func owners(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	var sidecars []*sidecar
	for n, pool := range []int{0, 4} {
		s, err := startSidecar(ctx, dir, n, pool)
		if err != nil {
			return err
		}
		defer s.close()
		sidecars = append(sidecars, s)
	}
	for _, count := range []int{10, 30} {
		contenders := []contender{{"bare", func(ctx context.Context) (time.Duration, error) { return bare.many(ctx, count) }}}
		for _, s := range sidecars {
			contenders = append(contenders, contender{fmt.Sprintf("pool%d", s.pool), func(ctx context.Context) (time.Duration, error) { return s.many(ctx, count) }})
		}
		if err := r.throughput(ctx, fmt.Sprintf("owners%d", count), max(3, rounds/5), count, contenders); err != nil {
			return err
		}
	}
	return nil
}

// many lets as many owners open the same challenge, and puts everything back.
func (s *sidecar) many(ctx context.Context, count int) (time.Duration, error) {
	if err := s.until(ctx, "sandboxes are ready", s.ready); err != nil {
		return 0, err
	}
	urls := make([]string, count)
	for n := range urls {
		var err error
		if urls[n], err = s.addressOf(player(n)); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	failed := s.atOnce(count, func(n int) error { return s.get(urls[n], player(n)) })
	took := time.Since(began)
	if len(failed) > 0 {
		return 0, errors.Join(failed...)
	}
	failed = s.atOnce(count, func(n int) error {
		return s.until(ctx, "it is stopped", func() error { return s.stop(player(n)) })
	})
	return took, errors.Join(failed...)
}

// addressOf is where a player's own copy is.
func (s *sidecar) addressOf(player string) (string, error) {
	var ch struct{ Routes []struct{ URL string } }
	if err := s.call(player, "GET", "/challenges/bench", &ch); err != nil {
		return "", err
	}
	return ch.Routes[0].URL, nil
}

func player(n int) string { return fmt.Sprintf("127.0.7.%d", n+1) }

func (s *sidecar) atOnce(count int, do func(n int) error) []error {
	var mu sync.Mutex
	var failed []error
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() {
			if err := do(n); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	all.Wait()
	return failed
}

// many makes as many copies with the bare API as the sidecar makes, as many at the same time.
func (b *bare) many(ctx context.Context, count int) (time.Duration, error) {
	slots := make(chan struct{}, concurrency)
	failed := make(chan error, count)
	began := time.Now()
	for n := range count {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			failed <- b.start(ctx, n+1)
		}()
	}
	var all []error
	for range count {
		all = append(all, <-failed)
	}
	took := time.Since(began)
	for n := range count {
		all = append(all, b.clear(ctx, n+1))
	}
	return took, errors.Join(all...)
}
