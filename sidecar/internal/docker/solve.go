package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What a solver may use.
const (
	solvePurpose = "solver"
	solveFolder  = "/solver" // where the challenge's folder is
	solveMemory  = 1 << 30   // bytes: tools of solvers are large
	solveCPUs    = 1e9
	solvePids    = 512
	solveScratch = 256 << 20 // bytes of /tmp
)

// Solve runs a solver in a container of its own on the network of an instance; see solver.Box. It has an address that
// nothing of the instance has, no name server, no right beyond those of any user, and may write to /tmp only.
func (e *Engine) Solve(ctx context.Context, job whaley.SolverJob, stdout, stderr io.Writer) (exit int, err error) {
	api, err := e.api(ctx)
	if err != nil {
		return 0, err
	}
	of, err := e.networkOf(ctx, job.Instance, job.Service)
	if err != nil {
		return 0, fmt.Errorf("find the network of %s of %s: %w", job.Service, job.Instance.ID, err)
	}
	apart := e.WithPurpose(solvePurpose)
	host := harden(whaley.Service{
		ReadOnly: true, Init: true, Drop: []string{"ALL"},
		Limits: whaley.Limits{MemoryBytes: solveMemory, NanoCPUs: solveCPUs, Pids: solvePids},
		Tmpfs:  []whaley.Tmpfs{{Target: "/tmp", Bytes: solveScratch, Options: []string{"exec", "mode=1777"}}},
	})
	host.LogConfig = container.LogConfig{Type: "none"}
	var networking *network.NetworkingConfig
	if host.NetworkMode = container.NetworkMode("container:" + of.ID); !job.Inside {
		name, address, err := e.placeBeside(ctx, of, job.Instance, job.Service)
		if err != nil {
			return 0, err
		}
		host.NetworkMode, host.DNS = container.NetworkMode(name), []string{"127.0.0.1"}
		networking = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			name: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: address.String()}},
		}}
	}
	host.Mounts = []mount.Mount{{
		Type: mount.TypeBind, Source: job.Dir, Target: solveFolder, ReadOnly: true,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
	}}
	config := &container.Config{
		Image: job.Image, Entrypoint: job.Command, Env: append([]string{"HOME=/tmp", "PYTHONDONTWRITEBYTECODE=1"}, job.Env...),
		WorkingDir: solveFolder, AttachStdout: true, AttachStderr: true,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: apart.labels(instancer.Labels{
			Instance: job.Instance.ID, Challenge: job.Instance.Challenge, Service: solvePurpose, CreatedAt: time.Now(),
			ExpiresAt: job.Instance.ExpiresAt,
		}),
	}
	created, err := api.ContainerCreate(ctx, config, host, networking, nil, "whaley-solver-"+job.Instance.ID)
	if err != nil {
		return 0, fmt.Errorf("make the solver's container: %w", translate(err))
	}
	defer func() {
		err = errors.Join(err, e.RemoveContainer(context.WithoutCancel(ctx), created.ID))
	}()
	return e.runAttached(ctx, created.ID, stdout, stderr)
}

// PrepareSolver makes sure that the image is there that a challenge's solver has of its own.
func (e *Engine) PrepareSolver(ctx context.Context, ch *whaley.Challenge) error {
	svc := &whaley.Service{Name: solvePurpose, Image: ch.Solver.Image, Build: ch.Solver.Build}
	return e.BuildImage(ctx, instancer.BuildSpec{Challenge: ch, Service: svc}, io.Discard)
}

// runAttached starts a container and follows what it prints until it has ended.
func (e *Engine) runAttached(ctx context.Context, id string, stdout, stderr io.Writer) (int, error) {
	api, err := e.api(ctx)
	if err != nil {
		return 0, err
	}
	conn, err := api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return 0, translate(err)
	}
	defer conn.Close()
	ended, failed := api.ContainerWait(ctx, id, container.WaitConditionNextExit)
	if err := api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return exitOfStart(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = stdcopy.StdCopy(stdout, stderr, conn.Reader) // what is there of the output counts, however it ends
	}()
	select {
	case err := <-failed:
		conn.Close()
		<-read // nothing is written any more once this has returned
		return 0, translate(err)
	case over := <-ended:
		select {
		case <-read:
		case <-time.After(quick): // a process that it left behind may hold its output
			conn.Close()
			<-read
		}
		return int(over.StatusCode), nil
	}
}

// networkOf is the container that owns the network of a service of an instance. What runs is asked, since that may have
// been made before the instance was.
func (e *Engine) networkOf(
	ctx context.Context, in *whaley.Instance, service string,
) (found container.InspectResponse, err error) {
	api, err := e.api(ctx)
	if err != nil {
		return found, err
	}
	objects, err := e.List(ctx, in.ID)
	if err != nil {
		return found, err
	}
	at := slices.IndexFunc(objects, func(o instancer.Object) bool {
		return o.Kind == "container" && o.Labels.Service == service
	})
	if at < 0 {
		return found, errors.New("it has no container")
	}
	if found, err = api.ContainerInspect(ctx, objects[at].ID); err != nil {
		return found, translate(err)
	}
	if found.HostConfig.NetworkMode.IsContainer() {
		if found, err = api.ContainerInspect(ctx, found.HostConfig.NetworkMode.ConnectedContainer()); err != nil {
			return found, translate(err)
		}
	}
	return found, nil
}

// placeBeside is a network that a container of a service is on, and an address there that nothing has.
func (e *Engine) placeBeside(
	ctx context.Context, of container.InspectResponse, in *whaley.Instance, service string,
) (string, netip.Addr, error) {
	api, err := e.api(ctx)
	if err != nil {
		return "", netip.Addr{}, err
	}
	why := "it is on no network"
	for name, point := range of.NetworkSettings.Networks {
		if point.IPAddress == "" || in.Addresses[service].IsValid() && point.IPAddress != in.Addresses[service].String() {
			continue
		}
		inside, err := api.NetworkInspect(ctx, point.NetworkID, network.InspectOptions{})
		if err != nil {
			return "", netip.Addr{}, translate(err)
		}
		if address, free := lastFree(inside, in.Addresses); free {
			return name, address, nil
		}
		why = "all addresses of its network are in use"
	}
	return "", netip.Addr{}, fmt.Errorf("find a place beside %s of %s: %s", service, in.ID, why)
}

// lastFree is the highest address of a network that nothing has.
func lastFree(n network.Inspect, reserved map[string]netip.Addr) (netip.Addr, bool) {
	if len(n.IPAM.Config) == 0 {
		return netip.Addr{}, false
	}
	subnet, err := netip.ParsePrefix(n.IPAM.Config[0].Subnet)
	if err != nil || !subnet.Addr().Is4() {
		return netip.Addr{}, false
	}
	used := map[netip.Addr]bool{subnet.Masked().Addr(): true}
	if gateway, err := netip.ParseAddr(n.IPAM.Config[0].Gateway); err == nil {
		used[gateway] = true
	}
	for _, address := range reserved {
		used[address] = true
	}
	for _, c := range n.Containers {
		if p, err := netip.ParsePrefix(c.IPv4Address); err == nil {
			used[p.Addr()] = true
		}
	}
	var last netip.Addr
	for a := subnet.Masked().Addr(); subnet.Contains(a.Next()); a = a.Next() { // the very last is the broadcast
		if !used[a] {
			last = a
		}
	}
	return last, last.IsValid()
}

// RemoveSolvers removes the containers of solvers that a process before has left.
func (e *Engine) RemoveSolvers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	mine := filters.NewArgs(filters.Arg("label", labelDeployment+"="+e.WithPurpose(solvePurpose).mark()))
	all, err := api.ContainerList(ctx, container.ListOptions{All: true, Filters: mine})
	if err != nil {
		return translate(err)
	}
	for _, c := range all {
		err = errors.Join(err, e.RemoveContainer(ctx, c.ID))
	}
	return err
}
