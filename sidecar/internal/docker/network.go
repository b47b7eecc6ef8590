package docker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/docker/docker/api/types/network"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
)

// CreateNetwork makes an instance's own network. One of the same name that a dead process left is replaced.
func (e *Engine) CreateNetwork(ctx context.Context, spec containers.NetworkSpec) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	noIPv6 := false
	options := network.CreateOptions{
		Driver: "bridge", Internal: spec.Internal, EnableIPv6: &noIPv6, Labels: e.labels(spec.Labels),
		IPAM: &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{
			Subnet: spec.Subnet.String(), Gateway: spec.Subnet.Addr().Next().String(),
		}}},
		Options: map[string]string{
			"com.docker.network.bridge.enable_ip_masquerade": strconv.FormatBool(spec.Masquerade),
			"com.docker.network.bridge.name":                 e.bridge(),
		},
	}
	return translate(replace(ctx, func() error {
		_, err := api.NetworkCreate(ctx, spec.Name, options)
		return err
	}, func() error { return e.RemoveNetwork(ctx, spec.Name) }))
}

// BridgePrefix begins the names of all bridges of a deployment, by which a firewall knows them.
func BridgePrefix(deployment string) string {
	sum := sha256.Sum256([]byte(deployment))
	return "wh" + hex.EncodeToString(sum[:2]) + "-"
}

// BridgePrefix begins the names of all bridges of this engine's deployment.
func (e *Engine) BridgePrefix() string { return BridgePrefix(e.deployment) }

// bridge names the host's interface of a network: 15 bytes is the longest that Linux allows. No two networks have the
// same name: the engine gives a subnet free before the bridge is gone, takes a bridge that it finds for somebody
// else's, and leaves that behind for ever when the network goes.
func (e *Engine) bridge() string {
	number := make([]byte, 4)
	_, _ = rand.Read(number) // never fails
	return BridgePrefix(e.deployment) + hex.EncodeToString(number)
}

// RemoveNetwork removes a network of ours; one that is gone is no error.
func (e *Engine) RemoveNetwork(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	return unlessMissing(api.NetworkRemove(ctx, name))
}
