package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// MissingRuntimes says which challenges ask for a container runtime that the engine does not have.
func MissingRuntimes(library *challenge.Library, known []string) []string {
	var missing []string
	for _, ch := range library.All() {
		unknown := func(s whaley.Service) bool { return s.Runtime != "" && !slices.Contains(known, s.Runtime) }
		if n := slices.IndexFunc(ch.Services, unknown); n >= 0 {
			missing = append(missing, fmt.Sprintf("%s asks for the container runtime %q, and the engine has %s",
				ch.ID, ch.Services[n].Runtime, strings.Join(known, ", ")))
		}
	}
	return missing
}

// warnOfRuntimes says at the start what would otherwise be known at the first spawn.
func warnOfRuntimes(ctx context.Context, engine *docker.Engine, library *challenge.Library, log *slog.Logger) {
	about, err := engine.About(ctx)
	if err != nil {
		log.Warn("container runtimes not checked", "err", err)
		return
	}
	for _, m := range MissingRuntimes(library, about.Runtimes) {
		log.Error("challenge cannot be started", "problem", m)
	}
}
