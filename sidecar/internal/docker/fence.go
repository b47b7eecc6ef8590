package docker

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
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
	bridge string
	known  map[string][]netip.Addr // container → its addresses
	forget context.CancelFunc      // ends the look at those that leave
}

const (
	builderNetwork = "bridge" // of RUN lines, whoever builds
	bridgeOption   = "com.docker.network.bridge.name"
)

// fenceRuns keeps RUN lines away from the host and from private networks until release is called. Containers that
// others have in the engine's own network already are let alone while they are there: the address of one that left
// may be a RUN's next.
func (e *Engine) fenceRuns(ctx context.Context) (release func(), err error) {
	f := &e.fences
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.fence == nil {
		return func() {}, nil
	}
	if f.builds == 0 {
		fenced, err := e.closeFence(ctx)
		if err != nil {
			return nil, err
		}
		if !fenced {
			return func() {}, nil // RUN lines have no network
		}
	}
	f.builds++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.builds--; f.builds > 0 {
			return
		}
		f.forget()
		if err := e.fence.Open(); err != nil {
			e.log.Warn("the fence around builds stays: what others run in the engine's own network reaches no private range", "err", err)
		}
	}, nil
}

// closeFence sets the fence. It listens for containers that leave before it looks at which there are, so that none
// leaves in between.
func (e *Engine) closeFence(ctx context.Context) (fenced bool, err error) {
	f := &e.fences
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return false, err
	}
	listening, forget := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if !fenced {
			forget()
		}
	}()
	left, failed := api.Events(listening, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.NetworkEventType)), filters.Arg("event", string(events.ActionDisconnect)),
		filters.Arg("network", builderNetwork),
	)})
	found, err := api.NetworkInspect(ctx, builderNetwork, network.InspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the network that RUN lines run in: %w", translate(err))
	}
	there, err := api.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list who is in the network that RUN lines run in: %w", translate(err))
	}
	f.bridge, f.known, f.forget = found.Options[bridgeOption], map[string][]netip.Addr{}, forget
	for id, c := range found.Containers {
		if !slices.ContainsFunc(there, func(one container.Summary) bool { return one.ID == id }) {
			continue // a RUN of BuildKit's, of which nothing tells when it leaves
		}
		for _, text := range []string{c.IPv4Address, c.IPv6Address} {
			if p, err := netip.ParsePrefix(text); err == nil {
				f.known[id] = append(f.known[id], p.Addr())
			}
		}
	}
	if err := e.fence.Close(f.bridge, f.addresses()); err != nil {
		return false, fmt.Errorf("keep RUN lines from the host and private networks: %w", err)
	}
	go e.forgetKnown(listening, left, failed)
	return true, nil
}

// forgetKnown closes the fence for the addresses of containers that leave, and for all once that cannot be heard.
func (e *Engine) forgetKnown(ctx context.Context, left <-chan events.Message, failed <-chan error) {
	for ctx.Err() == nil {
		gone, all := "", false
		select {
		case m := <-left:
			gone = m.Actor.Attributes["container"]
		case err := <-failed:
			if ctx.Err() != nil {
				return
			}
			all = true
			e.log.Warn("containers in the engine's own network reach no private range until builds end: whether they are still there cannot be heard", "err", err)
		}
		e.forgetOne(ctx, gone, all)
		if all {
			return
		}
	}
}

func (e *Engine) forgetOne(ctx context.Context, id string, all bool) {
	f := &e.fences
	f.mu.Lock()
	defer f.mu.Unlock()
	_, there := f.known[id]
	if ctx.Err() != nil || !there && !all {
		return
	}
	delete(f.known, id)
	if all {
		clear(f.known)
	}
	if err := e.fence.Close(f.bridge, f.addresses()); err != nil {
		e.log.Warn("a container that left the engine's own network leaves its address open to builds", "container", id, "err", err)
	}
}

// addresses are those of known containers.
func (f *fences) addresses() []netip.Addr {
	return slices.SortedFunc(slices.Values(slices.Concat(slices.Collect(maps.Values(f.known))...)), netip.Addr.Compare)
}
