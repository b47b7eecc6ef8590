package main

import (
	"context"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v4/mem"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	crowded  = 300 // instances of one small service
	sleeping = 250 // of these
)

// sleepers is what the machine's memory says of many instances that run, and once most of them sleep.
func sleepers(ctx context.Context, dir string, _ int, r *results) error {
	s, err := startSidecar(ctx, dir, 0, 4, "SUBNET_POOL=10.187.0.0/19", "SLEEP_AFTER=60", "MAX_INSTANCES=0")
	if err != nil {
		return err
	}
	defer s.close()
	settle(ctx)
	none, err := used()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.open(ctx, crowded); err != nil {
		return err
	}
	progress("%d run after %s", crowded, time.Since(began).Round(time.Second))
	settle(ctx)
	running, err := used()
	if err != nil {
		return err
	}
	if err := s.keepAwake(ctx); err != nil {
		return err
	}
	progress("%d sleep after %s", sleeping, time.Since(began).Round(time.Second))
	settle(ctx)
	asleep, err := used()
	if err != nil {
		return err
	}
	r.ratio("sleepers_asleep_over_running", float64(asleep-none)/float64(running-none))
	r.value("sleepers_instances", fmt.Sprintf("%d, of which %d sleep", crowded, sleeping))
	r.value("sleepers_running_mb", (running-none)>>20)
	r.value("sleepers_asleep_mb", (asleep-none)>>20)
	r.figure("sleepers_freed_mb_each", float64(running-asleep)/sleeping/(1<<20))
	return rig.Sweep(ctx, dir) // quicker than a stop of each, which is not what is measured
}

// keepAwake asks for those that are not to sleep until the others do.
func (s *sidecar) keepAwake(ctx context.Context) error {
	urls := make([]string, crowded-sleeping)
	for n := range urls {
		var err error
		if urls[n], err = s.addressOf(player(n), "bench"); err != nil {
			return err
		}
	}
	return rig.Poll(ctx, 4*time.Minute, 5*time.Second, 5*time.Second, func() error {
		if err := several(atOnce(len(urls), concurrency, func(n int) error { return s.Get(urls[n], player(n)) })); err != nil {
			return err
		}
		return ended("bench", sleeping)
	})
}

// used is the memory of this machine that is not available, in bytes.
func used() (int64, error) {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0, fmt.Errorf("read how much memory is used: %w", err)
	}
	return int64(m.Total - m.Available), nil
}
