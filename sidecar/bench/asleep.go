package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

// asleep is opening an instance that sleeps, against a start by the engine's bare API. The least time after which one
// falls asleep is a minute, so all that are opened are put to sleep together.
func asleep(ctx context.Context, dir string, rounds int, r *results) error {
	bare, err := newBare(ctx, dir)
	if err != nil {
		return err
	}
	defer bare.close()
	s, err := startSidecar(ctx, dir, 0, 0, "SLEEP_AFTER=60", "MAX_INSTANCES=0")
	if err != nil {
		return err
	}
	defer s.close()
	count := rounds + 1 // the first does not count
	urls := make([]string, count)
	for n := range urls {
		if urls[n], err = s.addressOf(player(n), "bench"); err != nil {
			return err
		}
		if err := s.Get(urls[n], player(n)); err != nil {
			return err
		}
	}
	progress("%d fall asleep", count)
	err = rig.Poll(ctx, 5*time.Minute, time.Second, time.Second, func() error { return ended("bench", count) })
	if err != nil {
		return err
	}
	next := 0
	open := func(ctx context.Context) (time.Duration, error) {
		n := next
		next++
		began := time.Now()
		if err := s.Get(urls[n], player(n)); err != nil {
			return 0, err
		}
		took := time.Since(began)
		return took, s.Until(ctx, "it is stopped", func() error { return s.Stop(player(n)) })
	}
	return r.compare(ctx, "asleep", rounds, []contender{{"bare", bare.wake}, {"asleep", open}})
}

// ended says that so many containers of a challenge are there and do not run.
func ended(challenge string, count int) error {
	out, err := exec.Command(
		"docker", "ps", "--all", "--format", "{{.ID}}", "--filter", "status=exited", "--filter", "label=whaley.challenge="+challenge,
	).Output()
	if err != nil {
		return fmt.Errorf("list what sleeps: %w", err)
	}
	if there := len(strings.Fields(string(out))); there < count {
		return fmt.Errorf("%d of %d sleep", there, count)
	}
	return nil
}
