package main

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// guested is a start with the guest against one without, and one of a challenge with a flag in a file of its image. The
// sidecars are alike in everything else, and nothing is made ahead.
func guested(ctx context.Context, dir string, rounds int, r *results) error {
	undo, err := withFlag(dir)
	if err != nil {
		return err
	}
	defer undo()
	without, err := startSidecar(ctx, dir, 0, 0, "GUEST=off")
	if err != nil {
		return err
	}
	defer without.close()
	with, err := startSidecar(ctx, dir, 1, 0, "GUEST=on")
	if err != nil {
		return err
	}
	defer with.close()
	for _, s := range []*sidecar{without, with} {
		if err := s.Started(ctx, 3); err != nil {
			return err
		}
	}
	wake := func(s *sidecar, challenge string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) { return s.wake(ctx, challenge) }
	}
	return r.compare(ctx, "guest", rounds, []contender{
		{"without", wake(without, "bench")}, {"with", wake(with, "bench")}, {"file", wake(with, "bench-flag")},
	}, "with")
}

// withFlag adds a challenge like the one of one service, with a flag in a file of its image, until what it returns is
// called.
func withFlag(dir string) (undo func(), err error) {
	from, to := filepath.Join(dir, "challenges/bench"), filepath.Join(dir, "challenges/bench-flag")
	undo = func() { _ = os.RemoveAll(to) }
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"Dockerfile": "FROM scratch\nCOPY server /server\nCOPY flag.txt /flag.txt\nCMD [\"/server\"]\n",
		"flag.txt":   "FLAG{REDACTED}\n",
	} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o644); err != nil {
			undo()
			return nil, err
		}
	}
	return undo, nil
}
