package check

import (
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// checkGuest tells why nothing waits at a gate for its owner, if the settings do not say so.
func checkGuest(c *config.Config, env map[string]string, r *report) {
	host := env["DOCKER_HOST"]
	if c.Guest == "off" || host == "" || strings.HasPrefix(host, "unix://") {
		return
	}
	r.hint(
		"waiting", "no instance waits at its gate for its owner, all are made when they are asked for: DOCKER_HOST=%s is not on "+
			"this machine", host,
	)
}
