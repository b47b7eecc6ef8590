package docker

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
)

// Fence keeps what comes from a bridge of the engine away from the host and private ranges, but for known addresses.
type Fence interface {
	Close(bridge string, known []netip.Addr) error
	Open() error
}

// fences is the one around the engine's own network, in which RUN lines run, while there are builds.
type fences struct {
	mu     sync.Mutex
	builds int
}

const (
	builderNetwork = "bridge" // of RUN lines, whoever builds
	bridgeOption   = "com.docker.network.bridge.name"
)

// fenceRuns keeps RUN lines away from the host and from private networks until release is called. Containers that
// others have in the engine's own network already are let alone.
func (e *Engine) fenceRuns(ctx context.Context) (release func(), err error) {
	f := &e.fences
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.fence == nil {
		return func() {}, nil
	}
	if f.builds == 0 {
		ctx, cancel := context.WithTimeout(ctx, quick)
		defer cancel()
		found, err := e.client.NetworkInspect(ctx, builderNetwork, network.InspectOptions{})
		if errdefs.IsNotFound(err) {
			return func() {}, nil // then RUN lines have no network
		}
		if err != nil {
			return nil, fmt.Errorf("look at the network that RUN lines run in: %w", translate(err))
		}
		var known []netip.Addr
		for _, c := range found.Containers {
			for _, text := range []string{c.IPv4Address, c.IPv6Address} {
				if p, err := netip.ParsePrefix(text); err == nil {
					known = append(known, p.Addr())
				}
			}
		}
		if err := e.fence.Close(found.Options[bridgeOption], known); err != nil {
			return nil, fmt.Errorf("keep RUN lines from the host and private networks: %w", err)
		}
	}
	f.builds++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.builds--; f.builds > 0 {
			return
		}
		if err := e.fence.Open(); err != nil {
			e.log.Warn("the fence around builds stays: what others run in the engine's own network reaches no private range", "err", err)
		}
	}, nil
}
