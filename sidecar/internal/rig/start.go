package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// Options say what is started. A folder named whaley-… holds the binary "whaley" and the folder "challenges".
type Options struct {
	Dir        string
	Name       string   // of its data and its log, in Dir
	Pool       int      // sandboxes that are made in advance
	Subnets    string   // its part of the pool
	Challenges int      // how many must be ready to start before it is used
	Settings   []string // further ones, NAME=value
	Files      int      // descriptors that it may have open; 0: as many as this process
}

// Embedded starts a sidecar with the embedded edge.
func Embedded(ctx context.Context, o Options) (*Sidecar, error) {
	ports, err := FreePorts(4)
	if err != nil {
		return nil, err
	}
	local := func(n int) string { return "127.0.0.1:" + ports[n] }
	s := newSidecar(o, local(0), local(1), local(2))
	s.Process = exec.Command(filepath.Join(o.Dir, "whaley"), "serve")
	if o.Files > 0 {
		s.Process = exec.Command(
			"sh", "-c", fmt.Sprintf("ulimit -n %d && exec %s serve", o.Files, filepath.Join(o.Dir, "whaley")),
		)
	}
	s.Process.SysProcAttr = testkit.EndsWithParent()
	return s, s.start(
		ctx, o, "EDGE_LISTEN="+local(0), "EDGE_TLS_LISTEN="+local(1), "LISTEN="+local(2), "INTERNAL_LISTEN="+local(3),
		"DASHBOARD_URL="+s.Dashboard,
	)
}

// Traefik runs make run's script: a sidecar behind a real Traefik, with its Redis, whose plugin is interpreted.
func Traefik(ctx context.Context, o Options) (*Sidecar, error) {
	ports, err := FreePorts(8)
	if err != nil {
		return nil, err
	}
	s := newSidecar(o, "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], "127.0.0.1:"+ports[2])
	s.Traefik = "127.0.0.1:" + ports[4]
	s.Process = exec.Command("../scripts/run")
	s.Process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return s, s.start(
		ctx, o, "EDGE=traefik", "WEB_PORT="+ports[0], "TLS_PORT="+ports[1], "API_PORT="+ports[2], "INTERNAL_PORT="+ports[3],
		"TRAEFIK_API_PORT="+ports[4], "REDIS_PORT="+ports[5], "METRICS_PORT="+ports[6], "WAKE_PORT="+ports[7], "SSH_PORT=0",
	)
}

func newSidecar(o Options, web, tls, public string) *Sidecar {
	s := &Sidecar{Edge: web, TLS: tls, Public: public, Dashboard: "http://whaley.localhost:" + portOf(web), Pool: o.Pool}
	s.Data = filepath.Join(o.Dir, o.Name)
	s.Log = LogBeside(s.Data)
	return s
}

// start waits until everything can be used; what does not get that far is ended.
func (s *Sidecar) start(ctx context.Context, o Options, settings ...string) error {
	s.Process.Env = append(
		os.Environ(), "DATA_DIR="+s.Data, "CHALLENGES_DIR="+filepath.Join(o.Dir, "challenges"), "SUBNET_POOL="+o.Subnets,
		fmt.Sprint("SANDBOX_POOL=", o.Pool), "USER_RATE_LIMIT=0", "ADDRESS_RATE_LIMIT=0",
	)
	s.Process.Env = append(append(s.Process.Env, settings...), o.Settings...)
	log, err := os.Create(s.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	out, err := os.Create(s.Log + ".out")
	if err != nil {
		return err
	}
	defer out.Close()
	s.Process.Stdout, s.Process.Stderr = out, log
	if err := s.Process.Start(); err != nil {
		return err
	}
	if err := s.Started(ctx, o.Challenges); err != nil {
		s.Close()
		return err
	}
	return nil
}

// Close ends it; with nothing alive it takes its sandboxes and rules along.
func (s *Sidecar) Close() {
	_ = s.Process.Process.Signal(syscall.SIGTERM)
	_ = s.Process.Wait()
}
