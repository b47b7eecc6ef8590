package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// CreateContainer makes a container and returns its id. Its network need not exist yet. One of the same name that a
// dead process left is replaced.
func (e *Engine) CreateContainer(ctx context.Context, spec containers.ContainerSpec) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return "", err
	}
	if spec.Service.Relay {
		if spec.Service.Image, spec.Service.Command, err = e.relay(ctx); err != nil {
			return "", err
		}
	}
	config, host, err := e.configs(spec)
	if err != nil {
		return "", err
	}
	image, err := e.inherit(ctx, config, host, spec.Labels)
	if err != nil {
		return "", err
	}
	var gate *gate
	if spec.Gated {
		if gate, err = e.gated(spec.Labels.Instance, spec.Service.Name, config, image, host); err != nil {
			return "", err
		}
	}
	var networking *network.NetworkingConfig
	if spec.Join == "" && !spec.Service.Offline {
		networking = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{spec.Network: {
			Aliases:    spec.Aliases,
			IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: spec.Address.String()},
		}}}
	}
	var created container.CreateResponse
	err = replace(ctx, func() error {
		created, err = api.ContainerCreate(ctx, config, host, networking, nil, spec.Name)
		return err
	}, func() error { return e.RemoveContainer(ctx, spec.Name) })
	if err == nil {
		e.gates.Store(created.ID, gate)
	}
	return created.ID, translate(err)
}

// replace makes something in the place of what has its name. While the engine is still at making that for a process
// that is no more, the name is taken and there is nothing to remove.
func replace(ctx context.Context, make, remove func() error) error {
	ctx, cancel := context.WithTimeout(ctx, replaceFor)
	defer cancel()
	for {
		err := make()
		if !errdefs.IsConflict(err) {
			return err
		}
		if err := remove(); err != nil {
			return err
		}
		select {
		case <-time.After(replaceEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// ConnectContainer puts a container that is not started yet onto one more network.
func (e *Engine) ConnectContainer(ctx context.Context, id string, p whaley.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	return translate(api.NetworkConnect(ctx, p.Network, id, &network.EndpointSettings{
		Aliases: p.Aliases, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: p.Address.String()},
	}))
}

func (e *Engine) configs(spec containers.ContainerSpec) (*container.Config, *container.HostConfig, error) {
	s := spec.Service
	binds, err := e.mounts(s, spec.Volumes)
	if err != nil {
		return nil, nil, err
	}
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for protocol, ports := range map[string]map[int]int{"tcp": spec.Publish, "udp": spec.UDP} {
		for internal, published := range ports {
			port, err := nat.NewPort(protocol, itoa(internal))
			if err != nil {
				return nil, nil, err
			}
			exposed[port] = struct{}{}
			bindings[port] = []nat.PortBinding{{HostIP: "0.0.0.0", HostPort: itoa(published)}}
		}
	}
	grace := int(s.StopGrace.Seconds())
	hostname := s.Hostname
	if hostname == "" {
		hostname = s.Name
	}
	config := &container.Config{
		Image: s.Image, Entrypoint: s.Entrypoint, Cmd: s.Command, Env: s.Environment, User: s.User,
		WorkingDir: s.WorkingDir, Hostname: hostname, Domainname: s.Domain, Tty: s.TTY, OpenStdin: s.Stdin,
		StopSignal: s.StopSignal, StopTimeout: &grace,
		ExposedPorts: exposed, Labels: e.labels(spec.Labels),
		// The instancer runs the check itself, at once and often.
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := harden(s)
	if spec.Join != "" {
		// The engine takes name and addresses from the other container, and refuses to be told any.
		config.Hostname, config.ExposedPorts = "", nil
		host.NetworkMode = container.NetworkMode("container:" + spec.Join)
		host.Mounts = binds
		return config, host, nil
	}
	if s.Offline {
		host.NetworkMode = network.NetworkNone
		host.Mounts = binds
		return config, host, nil
	}
	host.NetworkMode = container.NetworkMode(spec.Network)
	host.PortBindings = bindings
	if !spec.Egress {
		// The engine forwards what its own resolver does not know, from the host if the host's name server is on loopback:
		// a way out. This is the container's own loopback, where nobody answers.
		host.DNS = []string{"127.0.0.1"}
	}
	host.Mounts = binds
	return config, host, nil
}
