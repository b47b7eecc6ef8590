package check

import (
	"log/slog"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/portmap"
)

// checkPortMap tells by what ports of the host lead to instances, if that is not by the map.
func checkPortMap(c *config.Config, env map[string]string, r *report) {
	if c.PortMap == "off" {
		return
	}
	err := app.PortsPublished(c, env["DOCKER_HOST"])
	if err == nil {
		err = portmap.New("whcheck-", slog.New(slog.DiscardHandler)).Usable()
	}
	if err != nil {
		r.hint("ports", "the engine publishes them, and connecting to one that is asleep starts nothing: %v", err)
	}
}
