package main

import (
	"context"
	"fmt"
	"strconv"
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
