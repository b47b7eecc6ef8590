package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// claims30 and claims100 are how many owners a second get an instance that waits when as many ask in the same moment,
// against as many starts by the engine's bare API. The larger one tells what those cost that wait, too.
func claims30(ctx context.Context, dir string, rounds int, r *results) error {
	return claims(ctx, dir, 30, max(2, rounds/5), r, func(*sidecar) error { return nil })
}

func claims100(ctx context.Context, dir string, rounds int, r *results) error {
	return claims(ctx, dir, 100, max(1, rounds/10), r, func(s *sidecar) error { return s.cost(ctx, r, 100) })
}

func claims(
	ctx context.Context, dir string, count, rounds int, r *results, then func(*sidecar) error,
) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	s, err := startSidecar(ctx, dir, 0, 0, fmt.Sprint("WAITING=", count), "WAITING_MEMORY=2g", "MAX_INSTANCES=0")
	if err != nil {
		return err
	}
	defer s.close()
	// Demand brings as many ahead within a minute, and what is measured is the demand for the next round. It warms up, too.
	progress("%d start and stop", count)
	if _, err := s.many(ctx, count); err != nil {
		return err
	}
	took := map[string][]both{}
	contenders := []contending[both]{
		{"bare", func(ctx context.Context) (both, error) { return bare.many(ctx, count) }},
		{"waiting", func(ctx context.Context) (both, error) { return s.claimMany(ctx, count) }},
	}
	for round := range rounds {
		for n := range contenders {
			c := contenders[(n+round)%len(contenders)]
			settle(ctx)
			progress("%s, %d at once", c.name, count)
			b, err := c.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			took[c.name] = append(took[c.name], b)
		}
	}
	what := fmt.Sprint("claims", count)
	r.laps(what, count, contenders, took, func(b both) lap { return b.start })
	r.value(what+"_n", rounds)
	return then(s)
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
	r.figure("waiting_mb_each", float64(bytes)/float64(len(ids))/(1<<20))
	r.figure("waiting_cpu_percent", percent)
	return nil
}

// claimMany waits until as many wait as owners will ask, and then lets them ask.
func (s *sidecar) claimMany(ctx context.Context, count int) (both, error) {
	if err := s.Until(ctx, "as many wait as will be asked for", func() error { return s.waits("bench", count) }); err != nil {
		return both{}, err
	}
	settle(ctx)
	return s.many(ctx, count)
}
