package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// warm is the first request of an owner to a web server and its database that run ahead of their owners, against docker
// compose with the same file. Each round is another owner's: who has a flag gets none that is warm.
func warm(ctx context.Context, dir string, rounds int, r *results) error {
	up, err := newComposed(ctx, dir, "web-db")
	if err != nil {
		return err
	}
	undo, err := edit(filepath.Join(dir, "challenges/web-db/instance.toml"), "warm = 1\n", "")
	if err != nil {
		return err
	}
	defer undo()
	s, err := startSidecar(ctx, dir, 0, 0, "WAITING=1")
	if err != nil {
		return err
	}
	defer s.close()
	return r.compare(ctx, "warm", max(3, rounds/2), []contender{{"compose", up.wake}, {"warm", s.firstWarm("web-db", 2)}})
}

const bootTime = 10 * time.Second // until the program of boots listens

// boots is the first visitor's first answer from what takes ten seconds until it listens and runs ahead of its owners. It
// leaves to Whaley how many do. Each round is another owner's.
func boots(ctx context.Context, dir string, rounds int, r *results) error {
	folder := filepath.Join(dir, "challenges/bench")
	undo, err := edit(filepath.Join(folder, "instance.toml"), "warm = \"auto\"\n", "")
	if err != nil {
		return err
	}
	defer undo()
	late, err := edit(
		filepath.Join(folder, "compose.yaml"), "", fmt.Sprintf("    environment:\n      START_DELAY_MS: \"%d\"\n", bootTime.Milliseconds()),
	)
	if err != nil {
		return err
	}
	defer late()
	s, err := startSidecar(ctx, dir, 0, 0, "WAITING=1")
	if err != nil {
		return err
	}
	defer s.close()
	took, err := turns(ctx, min(rounds, 6), []contender{{"first", s.firstWarm("bench", 1)}})
	if err != nil {
		return err
	}
	for _, p := range []int{50, 95} {
		r.figure(fmt.Sprintf("boots_first_answer_p%d_ms", p), float64(percentile(took["first"], p).Microseconds())/1000)
	}
	r.value("boots_n", len(took["first"]))
	return nil
}

// firstWarm is the first request of an owner, another each time, to a challenge of so many services of which one instance
// is warm.
func (s *sidecar) firstWarm(challenge string, services int) func(context.Context) (time.Duration, error) {
	owners := 0
	return func(ctx context.Context) (time.Duration, error) {
		if err := s.Until(ctx, "one is warm", func() error { return halted(challenge, services) }); err != nil {
			return 0, err
		}
		owner := player(owners)
		owners++
		url, err := s.addressOf(owner, challenge)
		if err != nil {
			return 0, err
		}
		began := time.Now()
		if err := s.Get(url, owner); err != nil {
			return 0, err
		}
		took := time.Since(began)
		return took, s.Until(ctx, "it is stopped", func() error { return s.Stop(owner) })
	}
}

// halted says that so many services of a challenge run ahead of their owner.
func halted(challenge string, count int) error {
	out, err := exec.Command(
		"docker", "ps", "--format", "{{.ID}}", "--filter", "status=paused", "--filter", "label=whaley.challenge="+challenge,
	).Output()
	if err != nil {
		return fmt.Errorf("list what is warm: %w", err)
	}
	if there := len(strings.Fields(string(out))); there < count {
		return fmt.Errorf("%d of %d services are halted", there, count)
	}
	return nil
}

// edit adds lines before a file's and after them, until what it returns is called.
func edit(file, first, last string) (undo func(), err error) {
	before, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(file, before, 0o644) }, os.WriteFile(file, slices.Concat([]byte(first), before, []byte(last)), 0o644)
}
