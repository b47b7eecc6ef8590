package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ReadSettings is config.Load; where the settings are not right, what is misspelled among them may be why.
func ReadSettings(env map[string]string) (*config.Config, error) {
	c, err := config.Load(env)
	if err == nil {
		return c, nil
	}
	for _, m := range config.Misspelled(env) {
		err = errors.Join(err, errors.New(m.String()))
	}
	return nil, fmt.Errorf("the settings are not right:\n%w", err)
}

// logLevel is the level of all logs, which may change while the process runs.
func logLevel(c *config.Config, level *slog.LevelVar) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.LogLevel)); err == nil { // the settings have been checked
		level.Set(l)
	}
}

func policy(c *config.Config) whaley.Policy {
	p := whaley.Policy{
		Quota:      whaley.Quota{PerOwner: c.MaxInstancesPerUser, Total: c.MaxInstances, Memory: int64(c.MemoryBudget)},
		MaxPerTeam: c.MaxInstancesPerTeam, StartsPerMinute: c.UserRateLimit, SpawnConcurrency: c.SpawnConcurrency,
		StartTimeout:     c.StartTimeout.Duration(),
		BuildConcurrency: c.BuildConcurrency, BuildTimeout: c.BuildTimeout.Duration(), Disk: int64(c.ContainerMaxDisk),
		Waiting: c.Waiting, WaitingMemory: int64(c.WaitingMemory),
		ByLimits: c.MemoryBudgetBy == "limits",
		Files:    c.ContainerMaxFiles, DiskReserve: int64(c.DiskReserve), Output: int64(c.ContainerMaxOutput),
	}
	if c.Drain {
		if p.Drain = c.DrainMessage; p.Drain == "" {
			p.Drain = "No instances are started at the moment."
		}
	}
	return p
}

// followSettings makes everything that may be changed while running follow the settings.
func followSettings(
	ctx context.Context, live *config.Live, made rules, library *challenge.Library, level *slog.LevelVar, log *slog.Logger,
) {
	known := ChallengeDefaultsNow(live.Now())
	live.Use(func(c *config.Config) {
		logLevel(c, level)
		made.instancer.SetPolicy(policy(c))
		followPorts(made.ports, c, log)
		if next := ChallengeDefaultsNow(live.Now()); next != known {
			known = next
			library.SetDefaults(next)
			if err := reload(ctx, library, log); err != nil {
				log.Error("challenges not loaded again with other defaults", "err", err)
			}
			made.instancer.PrepareImages()
		}
	})
}

func followPorts(ports *port.Lanes, c *config.Config, log *slog.Logger) {
	if err := ports.SetRange(c.PortRangeStart, c.PortRangeEnd); err != nil {
		log.Error("range of ports not changed", "err", err) // the settings have been checked
	}
}
