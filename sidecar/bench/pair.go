package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pair is a web server that waits for the health check of its database, against docker compose with the same file.
func pair(ctx context.Context, dir string, rounds int, r *results) error {
	up, err := newComposed(ctx, dir, "web-db")
	if err != nil {
		return err
	}
	contenders := []contender{{"compose", up.wake}}
	for n, pool := range []int{0, 4} {
		s, err := startSidecar(ctx, dir, n, pool)
		if err != nil {
			return err
		}
		defer s.close()
		contenders = append(
			contenders,
			contender{
				fmt.Sprintf("pool%d", pool), func(ctx context.Context) (time.Duration, error) { return s.wake(ctx, "web-db") },
			},
		)
	}
	return r.compare(ctx, "pair", max(3, rounds/2), contenders)
}

// composed is a challenge's folder as docker compose starts it.
type composed struct{ binary, dir, project string }

func newComposed(ctx context.Context, dir, challenge string) (*composed, error) {
	binary, err := exec.CommandContext(ctx, "../scripts/compose-build").Output()
	if err != nil {
		return nil, fmt.Errorf("scripts/compose-build: %w", err)
	}
	c := &composed{
		strings.TrimSpace(string(binary)), filepath.Join(dir, "challenges", challenge), "whaley-bench-compose-" + challenge,
	}
	return c, c.run(ctx, "build")
}

func (c *composed) run(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, c.binary, append([]string{"--project-name", c.project}, args...)...)
	command.Dir, command.Env = c.dir, os.Environ()
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("docker compose %v: %w\n%s", args, err, out)
	}
	return nil
}

func (c *composed) wake(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if err := c.run(ctx, "up", "--detach"); err != nil {
		return 0, err
	}
	address, err := exec.CommandContext(
		ctx, "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", c.project+"-web-1",
	).Output()
	if err != nil {
		return 0, err
	}
	if err := answers(ctx, http.DefaultTransport, "http://"+strings.TrimSpace(string(address))+":8080/"); err != nil {
		return 0, err
	}
	return time.Since(began), c.run(ctx, "down", "--volumes", "--timeout", "1")
}
