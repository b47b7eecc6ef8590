package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	pairName    = "whaley-bench-bare-pair"
	pairSubnet  = "10.187.255.0/28"
	pairAddress = "10.187.255.3" // of the web server
)

// newPair builds what wakePair starts.
func newPair(ctx context.Context, dir string) error {
	folder := filepath.Join(dir, "challenges/web-db")
	for service, args := range map[string][]string{
		"web": {filepath.Join(folder, "web")}, "db": {"-f", filepath.Join(folder, "db/Dockerfile"), folder},
	} {
		if out, err := exec.CommandContext(
			ctx, "docker", append([]string{"build", "-q", "-t", pairImage(service)}, args...)...,
		).CombinedOutput(); err != nil {
			return fmt.Errorf("docker build of %s: %w %s", service, err, out)
		}
	}
	return nil
}

func pairImage(service string) string { return "whaley/bench:pair-" + service }

// wakePair does with the engine's API what web and db cannot do without: the network, both containers, the health check
// of the database as often as the sidecar runs it, then the web server.
func (b *bare) wakePair(ctx context.Context) (time.Duration, error) {
	if err := b.clearPair(ctx); err != nil { // of a run that broke off
		return 0, err
	}
	began := time.Now()
	err := b.startPair(ctx)
	took := time.Since(began)
	return took, errors.Join(err, b.clearPair(ctx))
}

func (b *bare) startPair(ctx context.Context) error {
	_, err := b.api.NetworkCreate(ctx, pairName, network.CreateOptions{Driver: "bridge", Internal: true,
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: pairSubnet}}}})
	if err != nil {
		return err
	}
	made := make(chan error, 2)
	go func() { made <- b.createOfPair(ctx, "db", "10.187.255.2", map[string]string{"/data": "size=8m"}) }()
	go func() { made <- b.createOfPair(ctx, "web", pairAddress, nil) }()
	if err := errors.Join(<-made, <-made); err != nil {
		return err
	}
	if err := b.api.ContainerStart(ctx, pairName+"-db", container.StartOptions{}); err != nil {
		return err
	}
	if err := b.healthy(ctx, pairName+"-db", "redis-cli exists flag | busybox grep -q 1"); err != nil {
		return err
	}
	if err := b.api.ContainerStart(ctx, pairName+"-web", container.StartOptions{}); err != nil {
		return err
	}
	return answers(ctx, http.DefaultTransport, "http://"+pairAddress+":8080/")
}

func (b *bare) createOfPair(ctx context.Context, service, address string, tmpfs map[string]string) error {
	_, err := b.api.ContainerCreate(ctx, &container.Config{Image: pairImage(service)},
		&container.HostConfig{
			NetworkMode: pairName, Tmpfs: tmpfs, ReadonlyRootfs: tmpfs != nil,
			Resources: container.Resources{Memory: 64 << 20, NanoCPUs: 25e7},
		},
		&network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{pairName: {
			Aliases: []string{service}, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: address}}}},
		nil, pairName+"-"+service)
	return err
}

// healthy runs a check inside until it succeeds, with the sidecar's pause between.
func (b *bare) healthy(ctx context.Context, id, check string) error {
	const every = 50 * time.Millisecond
	return rig.Poll(ctx, 30*time.Second, every, every, func() error {
		run, err := b.api.ContainerExecCreate(
			ctx, id, container.ExecOptions{Cmd: []string{"/bin/sh", "-c", check}, AttachStdout: true},
		)
		if err != nil {
			return err
		}
		said, err := b.api.ContainerExecAttach(ctx, run.ID, container.ExecAttachOptions{})
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, said.Reader) // until it ends
		said.Close()
		ended, inspected := b.api.ContainerExecInspect(ctx, run.ID)
		if err := errors.Join(err, inspected); err != nil || ended.ExitCode == 0 {
			return err
		}
		return fmt.Errorf("%s is not healthy", id)
	})
}

func (b *bare) clearPair(ctx context.Context) error {
	for _, service := range []string{"web", "db"} {
		if err := b.api.ContainerRemove(ctx, pairName+"-"+service, container.RemoveOptions{Force: true}); err != nil &&
			!errdefs.IsNotFound(err) {
			return err
		}
	}
	if err := b.api.NetworkRemove(ctx, pairName); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return nil
}
