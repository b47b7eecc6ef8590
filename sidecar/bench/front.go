package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// front is a sidecar behind one kind of edge.
type front struct {
	*sidecar
	name string
}

// bothFronts starts a sidecar with the embedded edge and one behind a real Traefik, alike in everything else.
func bothFronts(ctx context.Context, dir string, pool int, settings ...string) ([]front, func(), error) {
	embedded, err := startSidecar(ctx, dir, 2, pool, settings...)
	if err != nil {
		return nil, nil, err
	}
	behind, end, err := startTraefik(ctx, dir, pool, 2, settings...)
	if err != nil {
		embedded.close()
		return nil, nil, err
	}
	return []front{{embedded, "embedded"}, {behind, "traefik"}}, func() { embedded.close(); end() }, nil
}

// opens lets each front wake a challenge as a contender.
func opens(fronts []front, challenge string) (contenders []contender) {
	for _, f := range fronts {
		contenders = append(
			contenders, contender{f.name, func(ctx context.Context) (time.Duration, error) { return f.wake(ctx, challenge) }},
		)
	}
	return contenders
}

// fronts is a wake through the embedded edge and through a real Traefik, whose plugin is interpreted, beside the bare
// API and docker compose: of one service, and of two beside the bare API (pair has these beside docker compose), first
// without sandboxes and then with.
func fronts(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	if err := newPair(ctx, dir); err != nil {
		return err
	}
	one, err := newComposed(ctx, dir, "bench")
	if err != nil {
		return err
	}
	for _, pool := range []int{0, 4} {
		both, end, err := bothFronts(ctx, dir, pool)
		if err != nil {
			return err
		}
		err = errors.Join(
			r.compare(
				ctx, fmt.Sprintf("front_pool%d", pool), rounds,
				append([]contender{{"bare", bare.wake}, {"compose", one.wake}}, opens(both, "bench")...), "compose", "embedded",
			),
			r.compare(
				ctx, fmt.Sprintf("front_pair_pool%d", pool), max(3, rounds/2),
				append([]contender{{"bare", bare.wakePair}}, opens(both, "web-db")...), "embedded",
			))
		end()
		if err != nil {
			return err
		}
	}
	return nil
}
