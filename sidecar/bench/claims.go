package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// claims is how many owners a second get an instance that waits when many ask in the same moment, against as many starts
// by the engine's bare API.
func claims(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	const most = 100
	s, err := startSidecar(ctx, dir, 0, 0, "GUEST=on", "WAITING="+strconv.Itoa(most), "WAITING_MEMORY=2g", "MAX_INSTANCES=0")
	if err != nil {
		return err
	}
	defer s.close()
	for _, count := range []int{30, most} {
		progress("%d at once", count)
		contenders := []contending[both]{
			{"bare", func(ctx context.Context) (both, error) { return bare.many(ctx, count) }},
			{"waiting", func(ctx context.Context) (both, error) { return s.claimMany(ctx, count) }},
		}
		n := max(2, rounds/7)
		took, err := turns(ctx, n, contenders)
		if err != nil {
			return err
		}
		r.laps(fmt.Sprintf("claims%d", count), count, contenders, took, func(b both) lap { return b.start })
		r.value(fmt.Sprintf("claims%d_n", count), n)
	}
	return s.cost(ctx, r, most/2)
}

// cost is what those take that wait: memory of each, and CPU of all.
func (s *sidecar) cost(ctx context.Context, r *results, least int) error {
	if err := s.Until(ctx, "some wait", func() error { return s.waits("bench", least) }); err != nil {
		return err
	}
	settle(ctx)
	ids, err := waitingIDs("bench")
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(
		ctx, "docker", append([]string{"stats", "--no-stream", "--format", "{{.MemUsage}} {{.CPUPerc}}"}, ids...)...,
	).Output()
	if err != nil {
		return fmt.Errorf("docker stats: %w", err)
	}
	var bytes int64
	var percent float64
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		used, err := units.RAMInBytes(words[0])
		if err != nil {
			return fmt.Errorf("docker stats says %q: %w", line, err)
		}
		bytes += used
		cpu, err := strconv.ParseFloat(strings.TrimSuffix(words[len(words)-1], "%"), 64)
		if err != nil {
			return fmt.Errorf("docker stats says %q: %w", line, err)
		}
		percent += cpu
	}
	r.value("waiting_count", len(ids))
	r.value("waiting_mb_each", fmt.Sprintf("%.2f", float64(bytes)/float64(len(ids))/(1<<20)))
	r.value("waiting_cpu_percent", fmt.Sprintf("%.2f", percent))
	return nil
}

// claimMany has so many owners start and stop, which is the demand that brings as many instances ahead within a minute,
// and measures the same owners once these wait.
func (s *sidecar) claimMany(ctx context.Context, count int) (both, error) {
	if _, err := s.many(ctx, count); err != nil {
		return both{}, err
	}
	if err := s.Until(ctx, "as many wait as will be asked for", func() error { return s.waits("bench", count) }); err != nil {
		return both{}, err
	}
	settle(ctx)
	return s.many(ctx, count)
}
