package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// waiting is a first request to a challenge of which an instance waits, through the embedded edge and through Traefik,
// against the engine's bare API. The example of two services is not made ahead: its database has a read-only root that
// holds its owner's flag.
func waiting(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	fronts, end, err := bothFronts(ctx, dir, 0, "WAITING=1")
	if err != nil {
		return err
	}
	defer end()
	contenders := []contender{{"bare", bare.wake}}
	for _, f := range fronts {
		contenders = append(contenders, contender{f.name, func(ctx context.Context) (time.Duration, error) {
			// Each has one: of whose no other run uses this engine.
			if err := f.Until(ctx, "one waits for each", func() error { return f.waits("bench", len(fronts)) }); err != nil {
				return 0, err
			}
			return f.wake(ctx, "bench")
		}})
	}
	return r.compare(ctx, "claim", rounds, contenders)
}

// waits says that so many instances of a challenge wait. Such a one has no owner yet, nor do its containers.
func (s *sidecar) waits(challenge string, count int) error {
	ids, err := waitingIDs(challenge)
	if err == nil && len(ids) < count {
		err = fmt.Errorf("%d of %d wait", len(ids), count)
	}
	return err
}

func waitingIDs(challenge string) ([]string, error) {
	out, err := exec.Command(
		"docker", "ps", "--format", "{{.ID}}", "--filter", "label=whaley.gate=true", "--filter", "label=whaley.owner=",
		"--filter", "label=whaley.challenge="+challenge,
	).Output()
	if err != nil {
		return nil, fmt.Errorf("list what waits: %w", err)
	}
	return strings.Fields(string(out)), nil
}
