package containers_test

import (
	"log/slog"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
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

// What is made ahead of its owner has no file yet that is filled in for the owner.
func TestWhatIsWrittenForAnOwnerDoesNotWaitForOne(t *testing.T) {
	p := on(simulated.NewWorld().Engine("waiting"), 1)
	for written, waits := range map[bool]bool{false: true, true: false} {
		svc := whaley.Service{Name: "web", Image: "x"}
		if written {
			svc.Mounts = []whaley.Mount{{Target: "/run/secrets/key", Written: true, ReadOnly: true, Text: "x"}}
		}
		err := p.CanWait(instancer.Plan{
			Challenge: &whaley.Challenge{ID: "web"},
			Services: func(*whaley.Instance) ([]instancer.PlannedService, error) {
				return []instancer.PlannedService{{Service: svc}}, nil
			},
		})
		if (err == nil) != waits {
			t.Errorf("written %t: %v", written, err)
		}
	}
}

func TestItDoesWhatAPlatformMustOnARealEngine(t *testing.T) {
	platformtest.Contract(t, platformtest.Host{
		Ours: on(dockertest.EngineWithGuest(t), 3), Foreign: on(dockertest.EngineWithGuest(t), 4),
		Build: whaley.Build{Context: dockertest.TestServerContext(t), Dockerfile: "Dockerfile"},
	})
}
