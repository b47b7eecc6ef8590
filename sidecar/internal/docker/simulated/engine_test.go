package simulated_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

func TestItDoesWhatAnEngineMust(t *testing.T) {
	dockertest.Contract(t, 0, func(*testing.T) (containers.Engine, containers.Engine) {
		world := simulated.NewWorld()
		return world.Engine("ours"), world.Engine("foreign")
	})
}
