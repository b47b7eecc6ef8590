package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// buildLimits are what the RUN lines of one build may use.
func buildLimits(c *config.Config) docker.BuildLimits {
	return docker.BuildLimits{
		MemoryBytes: int64(c.BuildMaxMemory), NanoCPUs: int64(c.BuildMaxCPU * 1e9), Pids: c.BuildPidsLimit, DiskBytes: int64(c.BuildMaxDisk),
	}
}

// buildNetwork is where the RUN lines of builds are with BUILD_NETWORK=guarded: a network of the pool, which the firewall
// lets out into the world and to nothing else. Builds of one deployment share it.
type buildNetwork struct {
	name    string
	engine  *docker.Engine
	subnets *subnet.Pool
	wall    *wall

	mu sync.Mutex
}

func newBuildNetwork(deployment string, engine *docker.Engine, subnets *subnet.Pool, db *store.Store, wall *wall) *buildNetwork {
	name := "whaley-build-" + strings.Trim(strings.TrimPrefix(docker.BridgePrefix(deployment), "wh"), "-")
	wall.builds = func(ctx context.Context) (parts []netip.Prefix, err error) {
		held, err := db.HeldSubnets(ctx) // by whichever sidecar
		for part, holder := range held {
			if holder == instancer.BuildsHolder {
				parts = append(parts, part)
			}
		}
		return parts, err
	}
	return &buildNetwork{name: name, engine: engine.Apart("build"), subnets: subnets, wall: wall}
}

// ready makes sure that the network is there, and returns its name.
func (b *buildNetwork) ready(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wall.Table == nil {
		return "", errors.New("BUILD_NETWORK=guarded needs the firewall, which could not be set (see the log's first lines); " +
			"let the sidecar set it, or choose BUILD_NETWORK=engine, where nothing holds RUN lines")
	}
	for tries := 0; ; tries++ {
		part, err := b.subnets.Reserve(ctx, instancer.BuildsHolder)
		if err != nil {
			return "", fmt.Errorf("reserve a network for builds: %w", err)
		}
		err = b.make(ctx, part)
		if instancer.CodeOf(err) == instancer.CodeSubnetTaken && tries < 5 {
			if err := b.subnets.Avoid(ctx, instancer.BuildsHolder, part); err != nil {
				return "", err
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("make the network %s for builds (BUILD_NETWORK=engine does without): %w", b.name, err)
		}
		return b.name, b.wall.Allow(ctx, part)
	}
}

// make makes the network unless it is there with just these addresses, which are in its labels.
func (b *buildNetwork) make(ctx context.Context, part netip.Prefix) error {
	objects, err := b.engine.List(ctx, "")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Kind == "network" && o.Name == b.name && o.Labels.Instance == part.String() {
			return nil
		}
	}
	return b.engine.CreateNetwork(ctx, instancer.NetworkSpec{Name: b.name, Subnet: part, Masquerade: true, Labels: instancer.Labels{Instance: part.String()}})
}

// end removes the network, unless another sidecar builds on it. Builds of this one that were given up need a moment to leave it.
func (b *buildNetwork) end() {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	for b.engine.RemoveNetwork(ctx, b.name) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(buildsLeave):
		}
	}
	_ = b.subnets.Release(ctx, instancer.BuildsHolder) // else the next build uses it
}

const buildsLeave = 250 * time.Millisecond
