package main

import (
	"context"
	"fmt"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

// sidecar is one process with its edge, asked as a player would.
type sidecar struct{ *rig.Sidecar }

func (s *sidecar) close() { s.Close() }

// asked is what a section has made ahead that says nothing else: nothing, so that a start is a start.
const asked = "WAITING=0"

// startSidecar starts the nth of a run with the embedded edge; further settings go last.
func startSidecar(ctx context.Context, dir string, number, pool int, settings ...string) (*sidecar, error) {
	s, err := rig.Embedded(ctx, rig.Options{
		Dir: dir, Name: fmt.Sprint("data-", number), Pool: pool, Subnets: fmt.Sprintf("10.187.%d.0/20", 16*number),
		Challenges: 2, Settings: append([]string{asked}, settings...),
	})
	return &sidecar{s}, err
}

// startTraefik starts one behind a real Traefik, and waits for as many challenges.
func startTraefik(
	ctx context.Context, dir string, pool, challenges int, settings ...string,
) (*sidecar, func(), error) {
	s, err := rig.Traefik(ctx, rig.Options{
		Dir: dir, Name: "traefik", Pool: pool, Subnets: "10.187.128.0/20", Challenges: challenges,
		Settings: append([]string{asked}, settings...),
	})
	return &sidecar{s}, func() { s.Close() }, err
}

// sweep removes what a section that broke off has left.
func sweep(ctx context.Context, dir string) error {
	return rig.Sweep(ctx, dir, "name=^/?whaley-bench-(bare|compose)-")
}

// wake opens the address of a challenge that sleeps, reads the answer, and puts everything back.
func (s *sidecar) wake(ctx context.Context, challenge string) (time.Duration, error) {
	if err := s.Until(ctx, "sandboxes are ready", s.Ready); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.Get(s.URLs[challenge], "127.0.0.1"); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := s.Until(ctx, "it is stopped", func() error { return s.Stop("127.0.0.1") }); err != nil {
		return 0, err
	}
	return took, s.Until(ctx, "sandboxes are ready again", s.Ready)
}
