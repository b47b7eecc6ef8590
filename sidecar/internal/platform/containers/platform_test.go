package containers_test

import (
	"log/slog"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/platformtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// on is a platform on an engine, with subnets and ports of its own.
func on(engine containers.Engine, part int) *containers.Platform {
	subnets, ports := platformtest.Parts(part)
	return containers.New(containers.Needs{
		Engine: engine, Subnets: subnets, Ports: ports, Guest: true, Log: slog.New(slog.DiscardHandler),
	})
}

func TestItDoesWhatAPlatformMustInMemory(t *testing.T) {
	world := simulated.NewWorld()
	platformtest.Contract(t, platformtest.Host{Ours: on(world.Engine("ours"), 1), Foreign: on(world.Engine("foreign"), 2)})
}

func TestItDoesWhatAPlatformMustOnARealEngine(t *testing.T) {
	platformtest.Contract(t, platformtest.Host{
		Ours: on(dockertest.EngineWithGuest(t), 3), Foreign: on(dockertest.EngineWithGuest(t), 4),
		Build: whaley.Build{Context: dockertest.TestServerContext(t), Dockerfile: "Dockerfile"},
	})
}
