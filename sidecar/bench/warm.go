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
	owners := 0
	first := func(ctx context.Context) (time.Duration, error) {
		if err := s.Until(ctx, "one is warm", func() error { return halted("web-db", 2) }); err != nil {
			return 0, err
		}
		owner := player(owners)
		owners++
		url, err := s.addressOf(owner, "web-db")
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
	return r.compare(ctx, "warm", max(3, rounds/2), []contender{{"compose", up.wake}, {"warm", first}})
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
