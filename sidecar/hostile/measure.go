package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	warm     = 4 * time.Second
	restores = 60 * time.Second // after an attack everything is as it was

	looksMost = 3 // until honest players are served without the attack
)

// round is a look without the attack, and one with it right after: whatever else the machine does, it did to both.
type round struct {
	without, with map[string][]time.Duration
}

// finding is what one attack on one edge did.
type finding struct {
	edge, attack   string
	crowd          bool // see attack
	rounds         []round
	failed         map[string]error // honest requests while it went on
	before, during resources
	after          resources
	restored       time.Duration // until everything was as before
	told           string        // what came of the attack
	broken         []string      // bars
}

// measure makes one attack on a sidecar of its own.
func (p *plan) measure(ctx context.Context, dir, edge string, a attack) (f finding, err error) {
	f = finding{edge: edge, attack: a.name, crowd: a.crowd}
	own := filepath.Join(dir, edge+"-"+a.name)
	if err := furnish(dir, own, a); err != nil {
		return f, err
	}
	o := rig.Options{
		Dir: own, Name: "data", Subnets: "10.186.0.0/20", Challenges: 2 + len(a.folders), Files: a.files, Settings: []string{
			"USER_RATE_LIMIT=10", "ADDRESS_RATE_LIMIT=60", "ADMIN_KEY=" + adminKey, "METRICS_SECRET=" + metricsKey,
			"LOG_LEVEL=info", "CONTAINER_MAX_DISK=128m", "CONTAINER_MAX_FILES=50000",
		},
	}
	start := rig.Embedded
	if edge == "traefik" {
		start = rig.Traefik
	}
	if p.dir != "" {
		o.Settings = append(o.Settings, "TRAEFIK_PROFILES=1")
	}
	defer func() { err = errors.Join(err, rig.Sweep(context.WithoutCancel(ctx), own)) }()
	s, err := start(ctx, o)
	if err != nil {
		return f, err
	}
	defer s.Close()
	h, err := newHonest(ctx, s)
	if err != nil {
		return f, err
	}
	defer h.Until(context.WithoutCancel(ctx), "the honest instance is stopped", func() error { return h.Stop(player) }) //nolint:errcheck // swept
	pid, err := s.Pid()
	if err != nil {
		return f, err
	}
	if h.act(ctx, warm); a.crowd {
		h.crowd(ctx, warm)
	}
	pause(ctx, warm)
	if f.before, err = resourcesOf(s); err != nil {
		return f, err
	}
	if err := f.look(
		ctx, p, h, a,
		target{
			s.Edge, s.TLS, s.Public, s.Dashboard, filepath.Join(own, "challenges"), filepath.Join(dir, "program"), adminKey,
			p.seed,
		},
	); err != nil {
		return f, err
	}
	f.rest(ctx, s, pid)
	f.judge()
	return f, ctx.Err()
}

// look takes looks without and with the attack by turns.
func (f *finding) look(ctx context.Context, p *plan, h *honest, a attack, to target) error {
	act := h.act
	if a.crowd {
		act = h.crowd
	}
	f.failed = map[string]error{}
	for n := range p.rounds {
		if n > 0 {
			pause(ctx, warm) // what the attack has left behind is not the machine as it is without it
		}
		if err := h.undisturbed(ctx, p.window, act); err != nil {
			return err
		}
		r := round{without: h.took}
		to.Seed = p.seed + uint64(n)
		k, err := begin(ctx, a, to)
		if err != nil {
			return err
		}
		watching, end := context.WithCancel(ctx)
		most := watch(watching, h.Sidecar)
		h.forget()
		profiled := p.profile(ctx, h.Sidecar, fmt.Sprintf("%s-%s.%d", f.edge, f.attack, n))
		act(ctx, p.window)
		profiled()
		end()
		f.during = f.during.most(most())
		r.with = h.took
		f.rounds = append(f.rounds, r)
		maps.Copy(f.failed, h.failed)
		told, err := k.end()
		f.told = told
		if err != nil {
			return fmt.Errorf("the attack itself: %w", err)
		}
	}
	return nil
}

// undisturbed looks at honest players without the attack. One whose request fails, as when the machine stalls, is
// looked at again: the attack's figures are worth more than a look.
func (h *honest) undisturbed(ctx context.Context, lasts time.Duration, act func(context.Context, time.Duration)) error {
	for range looksMost {
		h.forget()
		if act(ctx, lasts); len(h.failed) == 0 {
			return nil
		}
		pause(ctx, warm)
	}
	return fmt.Errorf("without the attack, %d times: %v", looksMost, h.failed)
}

// rest waits until everything is as it was before.
func (f *finding) rest(ctx context.Context, s *rig.Sidecar, pid int) {
	began := time.Now()
	var left []string
	for ctx.Err() == nil {
		now, err := resourcesOf(s)
		f.after, left = now, now.above(f.before)
		if err != nil {
			left = append(left, err.Error())
		}
		if what := wrong(s); what != "" {
			left = append(left, what)
		}
		if f.restored = time.Since(began); len(left) == 0 || f.restored > restores {
			break
		}
		pause(ctx, time.Second)
	}
	for _, what := range left {
		f.broken = append(f.broken, "after a minute: "+what)
	}
	if now, err := s.Pid(); err != nil || now != pid {
		f.broken = append(f.broken, "the sidecar ended")
	}
}

const adminKey = "orca 52 swims past 7 lighthouses"

// build makes the sidecar and the two programs that run in containers.
func build(ctx context.Context, dir string) error {
	for name, source := range map[string]string{
		"whaley": "./cmd/whaley", "program": "./hostile/container", "server": "./internal/docker/dockertest/testserver",
	} {
		c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("build of %s (run it in sidecar/): %w\n%s", source, err, out)
		}
	}
	return nil
}

// furnish makes the folder that a sidecar is started from: the two challenges of honest players, and those of an
// attack.
func furnish(dir, own string, a attack) error {
	const compose = "services:\n  web:\n    build: .\n"
	const toml = "name = \"Honest\"\n[[routes]]\nservice = \"web\"\nport = 8080\n"
	honest := map[string]string{
		"Dockerfile": "FROM scratch\nCOPY server /server\nCMD [\"/server\"]\n", "compose.yaml": compose,
		"instance.toml": toml,
	}
	all := map[string]map[string]string{"start": honest, "honest": {
		"Dockerfile": honest["Dockerfile"], "compose.yaml": compose,
		"instance.toml": toml + "[[routes]]\nname = \"sni\"\nservice = \"web\"\nport = 9000\ntype = \"tcp\"\n",
	}}
	for id, files := range a.folders {
		all[id] = files
	}
	for id, files := range all {
		folder := filepath.Join(own, "challenges", id)
		if err := writeFolder(folder, files); err != nil {
			return err
		}
		for _, program := range []string{"server", "program"} {
			if err := os.Link(filepath.Join(dir, program), filepath.Join(folder, program)); err != nil {
				return err
			}
		}
	}
	return os.Link(filepath.Join(dir, "whaley"), filepath.Join(own, "whaley"))
}
