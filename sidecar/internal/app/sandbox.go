package app

import (
	"log/slog"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/sandbox"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// newSandboxes makes the pool of networks that are ready before anybody asks.
func newSandboxes(
	live *config.Live, db *store.Store, subnets *subnet.Pool, engine *docker.Engine, log *slog.Logger,
) *sandbox.Pool {
	return sandbox.New(db, subnets, engine.WithPurpose("sandbox"), sandbox.Options{
		Size: func() int { return live.Config().SandboxPool },
	}, log)
}
