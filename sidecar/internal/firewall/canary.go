package firewall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// dialFor is how long the canary waits for an answer of each address.
const dialFor = time.Second

// canaryTime bounds the whole proof.
const canaryTime = 40 * time.Second

// Engine makes the canary's container; of a deployment of its own, so that nobody takes it for a leftover.
type Engine interface {
	List(ctx context.Context, instance string) ([]instancer.Object, error)
	CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error
	RemoveNetwork(ctx context.Context, name string) error
	CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error)
	StartContainer(ctx context.Context, id string) error
	RemoveContainer(ctx context.Context, id string) error
	Wait(ctx context.Context, id string) (int, error)
	Logs(ctx context.Context, id string, lines int) (string, error)
	HolderImage(ctx context.Context) (string, error)
	PutProgram(ctx context.Context, id, path, name string) error
}

// ErrNotStatic is why a binary that was built with a C library cannot be its own canary.
var ErrNotStatic = program.ErrNotStatic

// socketFamilies is how many lines the canary prints of sockets, at most.
const socketFamilies = 2

// Found is what the canary could do and should not.
type Found struct {
	Reached []string // addresses
	Opened  []string // kinds of sockets, which the engine's profile of system calls refuses when it is new enough
}

// Prove starts this very program as `whaley canary` in a container like an instance's, and lets it try addresses of the
// host, this process's listeners and cloud metadata. An error means that nothing is proved.
func Prove(ctx context.Context, engine Engine, subnet netip.Prefix, listeners []net.Addr) (*Found, error) {
	ctx, cancel := context.WithTimeout(ctx, canaryTime)
	defer cancel()
	if !program.Static(program.Self) {
		return nil, ErrNotStatic
	}
	if err := clean(ctx, engine); err != nil {
		return nil, err
	}
	defer func() { _ = clean(context.WithoutCancel(ctx), engine) }() // else the next one does it
	bait, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	defer bait.Close()
	image, err := engine.HolderImage(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := targets(subnet, append(listeners, bait.Addr()))
	if err != nil {
		return nil, err
	}
	labels := instancer.Labels{
		Instance: "canary", Service: "canary", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(canaryTime),
	}
	// Not an internal network: there the canary would have no route to try.
	err = engine.CreateNetwork(
		ctx, containers.NetworkSpec{Name: "whaley-canary-" + rest(subnet), Subnet: subnet, Labels: labels},
	)
	if err != nil {
		return nil, err
	}
	id, err := engine.CreateContainer(ctx, containers.ContainerSpec{
		Name: "whaley-canary-" + rest(subnet), Network: "whaley-canary-" + rest(subnet), Address: subnet.Addr().Next().Next(),
		Labels: labels,
		Service: whaley.Service{Name: "canary", Image: image, Entrypoint: append([]string{"/whaley", "canary"}, targets...),
			Limits: whaley.Limits{MemoryBytes: 128 << 20, NanoCPUs: 5e8, Pids: 64}},
	})
	if err != nil {
		return nil, err
	}
	if err := engine.PutProgram(ctx, id, program.Self, "whaley"); err != nil {
		return nil, err
	}
	if err := engine.StartContainer(ctx, id); err != nil {
		return nil, err
	}
	code, err := engine.Wait(ctx, id)
	if err != nil {
		return nil, err
	}
	said, err := engine.Logs(ctx, id, len(targets)+socketFamilies+1)
	if err != nil {
		return nil, err
	}
	if code != 0 || !strings.HasSuffix(strings.TrimSpace(said), "done") {
		return nil, fmt.Errorf("the canary ended with %d: %s", code, said)
	}
	found := &Found{}
	for line := range strings.Lines(said) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "reached "); ok {
			found.Reached = append(found.Reached, at)
		}
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "opened "); ok {
			found.Opened = append(found.Opened, kind)
		}
	}
	return found, nil
}

func rest(subnet netip.Prefix) string { return strings.ReplaceAll(subnet.Addr().String(), ".", "-") }

func clean(ctx context.Context, engine Engine) error {
	objects, err := engine.List(ctx, "canary")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Kind == "container" {
			err = errors.Join(err, engine.RemoveContainer(ctx, o.ID))
		}
	}
	for _, o := range objects {
		if o.Kind == "network" {
			err = errors.Join(err, engine.RemoveNetwork(ctx, o.ID))
		}
	}
	return err
}

// maxAddresses of the host are tried: with a network for each instance there may be a thousand, all alike.
const maxAddresses = 16

// targets are all pairs of the host's addresses and this process's ports, and where clouds tell secrets.
func targets(subnet netip.Prefix, listeners []net.Addr) ([]string, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	hosts := []string{subnet.Addr().Next().String()}
	for _, a := range interfaces {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() && len(hosts) < maxAddresses {
			hosts = append(hosts, prefix.Addr().String())
		}
	}
	all := []string{"169.254.169.254:80"}
	for _, l := range listeners {
		_, port, err := net.SplitHostPort(l.String())
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			if at := net.JoinHostPort(h, port); !slices.Contains(all, at) {
				all = append(all, at)
			}
		}
	}
	return all, nil
}

// Canary is what runs inside: it dials every address at once and prints which answer, and which sockets can be opened.
// A refusal is an answer too: the packet got there.
func Canary(ctx context.Context, addresses []string, out io.Writer) error {
	var all sync.WaitGroup
	reached := make([]bool, len(addresses))
	for n, at := range addresses {
		all.Go(func() {
			dialer := net.Dialer{Timeout: dialFor}
			conn, err := dialer.DialContext(ctx, "tcp", at)
			if err == nil {
				conn.Close()
			}
			reached[n] = err == nil || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
		})
	}
	all.Wait()
	for n, at := range addresses {
		if reached[n] {
			fmt.Fprintln(out, "reached", at)
		}
	}
	for _, name := range openSockets() {
		fmt.Fprintln(out, "opened", name)
	}
	_, err := fmt.Fprintln(out, "done")
	return err
}
