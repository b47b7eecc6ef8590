package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// front is a sidecar behind one kind of edge.
type front struct {
	*sidecar
	name string
}

// bothFronts starts a sidecar with the embedded edge and one behind a real Traefik, alike in everything else.
func bothFronts(ctx context.Context, dir string, pool int) ([]front, func(), error) {
	embedded, err := startSidecar(ctx, dir, 2, pool)
	if err != nil {
		return nil, nil, err
	}
	behind, end, err := startTraefik(ctx, dir, pool, 2)
	if err != nil {
		embedded.close()
		return nil, nil, err
	}
	return []front{{embedded, "embedded"}, {behind, "traefik"}}, func() { embedded.close(); end() }, nil
}

// opens lets each front wake a challenge as a contender.
func opens(fronts []front, challenge string) (contenders []contender) {
	for _, f := range fronts {
		contenders = append(contenders, contender{f.name, func(ctx context.Context) (time.Duration, error) { return f.wake(ctx, challenge) }})
	}
	return contenders
}

// fronts is a wake through the embedded edge and through a real Traefik, whose plugin is interpreted, beside the bare API
// and docker compose: of one service, and of two beside the bare API (pair has these beside docker compose), first
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
			r.compare(ctx, fmt.Sprintf("front_pool%d", pool), rounds, append([]contender{{"bare", bare.wake}, {"compose", one.wake}}, opens(both, "bench")...), "compose", "embedded"),
			r.compare(ctx, fmt.Sprintf("front_pair_pool%d", pool), max(3, rounds/2), append([]contender{{"bare", bare.wakePair}}, opens(both, "web-db")...), "embedded"))
		end()
		if err != nil {
			return err
		}
	}
	return nil
}

// startTraefik runs make run's script with a real Traefik in front, and waits for as many challenges.
func startTraefik(ctx context.Context, dir string, pool, challenges int) (*sidecar, func(), error) {
	ports, err := freePorts(7)
	if err != nil {
		return nil, nil, err
	}
	s := &sidecar{pool: pool, data: filepath.Join(dir, "traefik"), log: logBeside(filepath.Join(dir, "traefik")), edge: "127.0.0.1:" + ports[0]}
	s.dashboard = "http://whaley.localhost:" + ports[0]
	s.process = exec.Command("../scripts/run")
	s.process.Env = append(os.Environ(), "EDGE=traefik", "DATA_DIR="+s.data, "CHALLENGES_DIR="+filepath.Join(dir, "challenges"),
		"WEB_PORT="+ports[0], "TLS_PORT="+ports[1], "API_PORT="+ports[2], "INTERNAL_PORT="+ports[3], "TRAEFIK_API_PORT="+ports[4],
		"REDIS_PORT="+ports[5], "METRICS_PORT="+ports[6], "SSH_PORT=0", "SUBNET_POOL=10.187.128.0/20", fmt.Sprint("SANDBOX_POOL=", pool),
		"USER_RATE_LIMIT=0", "ADDRESS_RATE_LIMIT=0")
	log, err := os.Create(s.log)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	s.process.Stdout, s.process.Stderr = log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.process.Start(); err != nil {
		return nil, nil, err
	}
	end := func() {
		_ = syscall.Kill(s.process.Process.Pid, syscall.SIGTERM)
		_ = s.process.Wait()
	}
	if err := s.started(ctx, challenges); err != nil {
		end()
		return nil, nil, err
	}
	return s, end, nil
}

// public is where the sidecar itself listens.
func (s *sidecar) public() string {
	for _, pair := range s.process.Env {
		if port, ok := strings.CutPrefix(pair, "API_PORT="); ok {
			return "127.0.0.1:" + port
		}
	}
	return ""
}
