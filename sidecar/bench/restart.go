package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	manyRun  = 300 // real containers, BENCH_RESTART says otherwise
	restarts = 5   // of each kind
)

// life is what a sidecar costs that has just been started.
type life struct {
	usable   time.Duration // challenges can be started
	answered time.Duration // a running instance answers
	looked   time.Duration // everything that runs was taken up
	memory   int64         // bytes, then
}

// restart is how long a sidecar that starts again, with many real containers running, takes until it is of use to those
// whose instances they are, beside one that starts with nothing running.
func restart(ctx context.Context, dir string, _ int, r *results) error {
	count := manyRun
	if text := os.Getenv("BENCH_RESTART"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil || count < 1 || count > 480 {
			return fmt.Errorf("BENCH_RESTART=%s: a number from 1 to 480 is needed", text)
		}
	}
	const pool = "SUBNET_POOL=10.187.0.0/19" // a network for each
	start := func() (*sidecar, error) { return startSidecar(ctx, dir, 0, 0, pool) }
	empty, err := lives(ctx, start, 0)
	if err != nil {
		return err
	}
	s, err := start()
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
	full, err := lives(ctx, start, count)
	if err != nil {
		return err
	}
	r.ratio(fmt.Sprintf("restart_dashboard_%d_over_none", count), float64(full.usable)/float64(empty.usable))
	r.value("restart_instances", count)
	r.value("restart_n", restarts)
	r.milliseconds("restart_none_dashboard_p50_ms", empty.usable)
	r.milliseconds("restart_dashboard_p50_ms", full.usable)
	r.milliseconds("restart_first_answer_p50_ms", full.answered)
	r.milliseconds("restart_none_taken_up_p50_ms", empty.looked)
	r.milliseconds("restart_taken_up_p50_ms", full.looked)
	r.value("restart_none_memory_mb", empty.memory>>20)
	r.value("restart_memory_mb", full.memory>>20)
	if s, err = start(); err != nil {
		return err
	}
	defer s.close()
	began = time.Now()
	err = several(atOnce(count, concurrency, func(n int) error {
		return s.Until(ctx, "it is stopped", func() error { return s.Stop(player(n)) })
	}))
	progress("%d stopped after %s", count, time.Since(began).Round(time.Second))
	return err
}

// lives starts a sidecar over and over with as many instances running, and returns the medians.
func lives(ctx context.Context, start func() (*sidecar, error), count int) (life, error) {
	var usable, answered, looked []time.Duration
	var memory []int64
	for n := range restarts {
		settle(ctx)
		began := time.Now()
		s, err := start()
		if err != nil {
			return life{}, err
		}
		usable = append(usable, time.Since(began))
		if count > 0 {
			var url string
			if url, err = s.addressOf(player(n), "bench"); err == nil {
				err = s.Until(ctx, "a host answers", func() error { return s.Get(url, player(n)) })
			}
		}
		answered = append(answered, time.Since(began))
		err = errors.Join(err, s.Until(ctx, "all instances are adopted", s.tookUp))
		looked = append(looked, time.Since(began))
		_, bytes, measured := usage(s.Process.Process.Pid)
		memory = append(memory, bytes)
		s.close()
		if err := errors.Join(err, measured); err != nil {
			return life{}, err
		}
	}
	return life{median(usable), median(answered), median(looked), median(memory)}, nil
}

func (s *sidecar) tookUp() error {
	if !strings.Contains(s.Said(), "startup reconcile finished") {
		return rig.ErrNotYet
	}
	return nil
}

// open lets as many owners open the challenge, each their own copy.
func (s *sidecar) open(ctx context.Context, count int) error {
	return several(atOnce(count, 2*concurrency, func(n int) error {
		url, err := s.addressOf(player(n), "bench")
		if err != nil {
			return err
		}
		return s.Until(ctx, "it runs", func() error { return s.Get(url, player(n)) })
	}))
}
