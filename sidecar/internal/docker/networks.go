package docker

import (
	"context"
	"net/netip"
	"strings"

	"github.com/docker/docker/api/types/network"
)

// HostNetwork is a part of the IPv4 world that the engine has given to a network, or gives to those to come.
type HostNetwork struct {
	Name   string
	Prefix netip.Prefix
	Ours   bool // this deployment's
	Whaley bool // some deployment's
	ToCome bool // of the engine's address pools, as its settings name them
}

// Networks lists all of the engine's IPv4 networks, whoever made them.
func (e *Engine) Networks(ctx context.Context) ([]HostNetwork, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	list, err := api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, translate(err)
	}
	var all []HostNetwork
	for _, n := range list {
		deployment, _, _ := strings.Cut(n.Labels[labelDeployment], "/")
		for _, part := range n.IPAM.Config {
			if prefix, err := netip.ParsePrefix(part.Subnet); err == nil && prefix.Addr().Is4() {
				all = append(
					all,
					HostNetwork{
						Name: n.Name, Prefix: prefix, Ours: deployment == e.deployment, Whaley: n.Labels[labelManaged] == "true",
					},
				)
			}
		}
	}
	info, err := api.Info(ctx)
	if err != nil {
		return all, translate(err)
	}
	for _, pool := range info.DefaultAddressPools {
		if prefix, err := netip.ParsePrefix(pool.Base); err == nil && prefix.Addr().Is4() {
			all = append(all, HostNetwork{Name: "default-address-pools", Prefix: prefix, ToCome: true})
		}
	}
	return all, nil
}
