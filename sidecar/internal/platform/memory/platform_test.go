package memory_test

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/memory"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/platformtest"
)

func TestItDoesWhatAPlatformMust(t *testing.T) {
	host := memory.NewHost()
	platformtest.Contract(t, platformtest.Host{Ours: host.Platform("ours"), Foreign: host.Platform("foreign")})
}
