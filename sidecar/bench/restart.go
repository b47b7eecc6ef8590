package main

import (
	"context"
	"errors"
	"time"
)

// restart is how long a sidecar that starts again, with many real containers running, takes until it is of use to those
// whose instances they are: until challenges can be started, and until a host answers.
func restart(ctx context.Context, dir string, rounds int, r *results) error {
	count := 5 * rounds
	const pool = "SUBNET_POOL=10.187.0.0/19" // one for each, up to 500
	s, err := startSidecar(ctx, dir, 0, 0, pool)
	if err != nil {
		return err
	}
	began := time.Now()
	err = s.open(ctx, count)
	progress("%d run after %s", count, time.Since(began).Round(time.Second))
	s.close() // instances stay
	if err != nil {
		return err
	}
	began = time.Now()
	s, err = startSidecar(ctx, dir, 0, 0, pool)
	if err != nil {
		return err
	}
	defer s.close()
	usable := time.Since(began)
	url, err := s.addressOf(player(0))
	if err == nil {
		err = s.until(ctx, "a host answers", func() error { return s.get(url, player(0)) })
	}
	answered := time.Since(began)
	r.value("restart_instances", count)
	r.milliseconds("restart_dashboard_ms", usable)
	r.milliseconds("restart_first_answer_ms", answered)
	failed := s.atOnce(count, func(n int) error {
		return s.until(ctx, "it is stopped", func() error { return s.stop(player(n)) })
	})
	return errors.Join(append(failed, err)...)
}

// open lets as many owners open the challenge, each their own copy.
func (s *sidecar) open(ctx context.Context, count int) error {
	return errors.Join(s.atOnce(count, func(n int) error {
		url, err := s.addressOf(player(n))
		if err != nil {
			return err
		}
		return s.until(ctx, "it runs", func() error { return s.get(url, player(n)) })
	})...)
}
