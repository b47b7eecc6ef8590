package app

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
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// openLibrary loads all challenges. Broken ones are told of in the log and stop nothing.
func openLibrary(
	ctx context.Context, live *config.Live, settings challenge.Settings, log *slog.Logger,
) (*challenge.Library, error) {
	c := live.Config()
	if datadir.Within(c.ChallengesDir, c.DataDir) { // a new volume has neither
		if err := os.MkdirAll(c.ChallengesDir, 0o700); err != nil {
			return nil, fmt.Errorf("CHALLENGES_DIR: %w", err)
		}
	}
	library := challenge.NewLibrary(c.ChallengesDir, ChallengeDefaultsNow(live.Now()))
	library.UseSettings(settings)
	if err := library.KeepRevisions(filepath.Join(c.DataDir, "revisions")); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	library.KeepEarlier(challenge.EarlierBytes)
	if err := library.KeepDrafts(filepath.Join(c.DataDir, "drafts")); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	removed, err := library.RemoveLeftovers()
	if len(removed) > 0 {
		log.Info("removed what an upload or a deletion has left", "folders", removed)
	}
	if err != nil {
		log.Warn("leftovers in CHALLENGES_DIR cannot be removed", "err", err)
	}
	return library, reload(ctx, library, log)
}

// ChallengeDefaultsNow are those of the settings in force, with the names of the organisers' own variables.
func ChallengeDefaultsNow(now *config.Snapshot) challenge.Defaults {
	d := ChallengeDefaults(now.Config)
	for _, v := range now.Variables() {
		if v.Challenge != "" {
			d.Variables += v.Challenge + "/"
		}
		d.Variables += v.Name + " "
	}
	return d
}

// ChallengeDefaults are what the settings say of challenges that say nothing themselves.
func ChallengeDefaults(c *config.Config) challenge.Defaults {
	prefix := c.FlagPrefix
	if !c.DynamicFlags {
		prefix = ""
	}
	var platform challenge.Platform
	if c.Platform == "kubernetes" {
		platform = kubernetes.Differences{}
	}
	return challenge.Defaults{
		Platform: platform, FlagPrefix: prefix, FlagFormat: c.FlagFormat,
		Timeout: c.InstanceTimeout.Duration(), Idle: c.SleepAfter.Duration(),
		StopOnSolve: c.StopOnSolve.Duration(), Access: whaley.Access(c.InstanceAccess), Runtime: c.ContainerRuntime,
		Limits: whaley.Limits{
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

// followChallenges loads the challenges again at a SIGHUP.
func followChallenges(
	ctx context.Context, library *challenge.Library, rules *instancer.Instancer, log *slog.Logger,
) error {
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
