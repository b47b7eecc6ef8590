package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const bareImage = "whaley/bench:bare"

// bare does with the engine's API what a spawn cannot do without: network, container, start, and wait for an answer.
type bare struct{ api *client.Client }

func newBare(ctx context.Context, dir string) (*bare, error) {
	if out, err := exec.CommandContext(
		ctx, "docker", "build", "-q", "-t", bareImage, filepath.Join(dir, "challenges/bench"),
	).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("docker build: %w %s", err, out)
	}
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, err
	}
	b := &bare{api}
	return b, b.clear(ctx, 0)
}

func (b *bare) wake(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if err := b.start(ctx, 0); err != nil {
		return 0, err
	}
	return time.Since(began), b.clear(ctx, 0)
}

// start makes the nth copy, with a network of its own as an instance has.
func (b *bare) start(ctx context.Context, n int) error {
	name, part := bareName(n), fmt.Sprintf("10.187.%d.%d", 240+n/16, n%16*16)
	address := fmt.Sprintf("10.187.%d.%d", 240+n/16, n%16*16+2)
	_, err := b.api.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge", Internal: true,
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: part + "/28"}}}})
	if err != nil {
		return err
	}
	created, err := b.api.ContainerCreate(ctx, &container.Config{Image: bareImage},
		&container.HostConfig{
			NetworkMode: container.NetworkMode(name), Resources: container.Resources{Memory: 384 << 20, NanoCPUs: 5e8},
		},
		&network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: {
			IPAMConfig: &network.EndpointIPAMConfig{
				IPv4Address: address,
			},
		}}},
		nil, name)
	if err == nil {
		err = b.api.ContainerStart(ctx, created.ID, container.StartOptions{})
	}
	if err != nil {
		return err
	}
	return answers(ctx, http.DefaultTransport, "http://"+address+":8080/")
}

func bareName(n int) string { return fmt.Sprint("whaley-bench-bare-", n) }

func (b *bare) clear(ctx context.Context, n int) error {
	err := b.api.ContainerRemove(ctx, bareName(n), container.RemoveOptions{Force: true})
	if !errdefs.IsNotFound(err) && err != nil {
		return err
	}
	if err = b.api.NetworkRemove(ctx, bareName(n)); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// stop takes the nth copy down as an instance is: the container may end by itself, and nothing of it stays.
func (b *bare) stop(ctx context.Context, n int) error {
	grace := 2 // seconds, as an instance has
	if err := b.api.ContainerStop(ctx, bareName(n), container.StopOptions{Timeout: &grace}); err != nil {
		return err
	}
	if err := b.api.ContainerRemove(ctx, bareName(n), container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
		return err
	}
	return b.api.NetworkRemove(ctx, bareName(n))
}

func (b *bare) close() {
	_ = b.clear(context.Background(), 0) // the next run does it else
	b.api.Close()
}

// answers waits for a 200, looking as often as the sidecar does.
func answers(ctx context.Context, transport http.RoundTripper, url string) error {
	c := http.Client{Transport: transport, Timeout: time.Second}
	return rig.Poll(ctx, 30*time.Second, time.Millisecond, 15*time.Millisecond, func() error {
		r, err := c.Get(url)
		if err != nil {
			return err
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, r.Status)
		}
		return nil
	})
}
