package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

// profile takes a profile of what Traefik spends processors on while an attack goes on. The file is for go tool pprof.
// What is returned waits for it.
func (p *plan) profile(ctx context.Context, s *rig.Sidecar, name string) (wait func()) {
	var done sync.WaitGroup
	if p.dir != "" && s.Traefik != "" {
		done.Go(func() {
			path := filepath.Join(p.dir, name+".pprof")
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", s.Traefik, p.window.Seconds())
			if err := download(ctx, url, path); err != nil {
				fmt.Fprintln(os.Stderr, "no profile:", err)
			}
		})
	}
	return done.Wait
}

func download(ctx context.Context, url, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return os.WriteFile(path, text, 0o600)
}
