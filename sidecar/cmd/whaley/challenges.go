package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// openLibrary loads all challenges. Broken ones are told of in the log and stop nothing.
func openLibrary(ctx context.Context, c *config.Config, settings challenge.Settings, log *slog.Logger) (*challenge.Library, error) {
	library := challenge.NewLibrary(c.ChallengesDir, defaults(c))
	library.UseSettings(settings)
	if err := library.KeepRevisions(filepath.Join(c.DataDir, "revisions")); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	return library, reload(ctx, library, log)
}

func defaults(c *config.Config) challenge.Defaults {
	prefix := c.FlagPrefix
	if !c.DynamicFlags {
		prefix = ""
	}
	return challenge.Defaults{
		FlagPrefix: prefix,
		Timeout:    c.InstanceTimeout.Duration(), Access: instancer.Access(c.InstanceAccess), Runtime: c.ContainerRuntime,
		Limits: instancer.Limits{
			MemoryBytes: int64(c.ContainerMaxMemory), NanoCPUs: int64(c.ContainerMaxCPU * 1e9), Pids: c.ContainerPidsLimit,
		},
	}
}

func reload(ctx context.Context, library *challenge.Library, log *slog.Logger) error {
	problems, err := library.Reload(ctx)
	for _, p := range problems {
		log.Error("challenge is broken", "problem", p.String())
	}
	return err
}

func reloadOnHangup(ctx context.Context, library *challenge.Library, rules *instancer.Instancer, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		}
		if err := reload(ctx, library, log); err != nil {
			log.Error("challenges not loaded again", "err", err)
			continue
		}
		rules.PrepareImages()
		log.Info("challenges loaded again", "challenges", len(library.All()))
	}
}
