package nodes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

// judge says why a node must not be used after what its canary reached; empty: it may be.
func judge(r canary.Report) string {
	if !r.Early {
		return "its canary is still in its first seconds"
	}
	now := func(kinds ...canary.Kind) []canary.Reached {
		return slices.DeleteFunc(slices.Clone(r.Now), func(x canary.Reached) bool { return !slices.Contains(kinds, x.Kind) })
	}
	switch {
	case len(now(canary.Pod)) > 0:
		return "an instance would reach other Pods (" + list(now(canary.Pod)) + "): NetworkPolicies are not enforced. " +
			"Install a network that enforces them, as Cilium or Calico, or switch it on (flannel has none)."
	case len(now(canary.Node)) > 0:
		return "an instance would reach its own node (" + list(now(canary.Node)) + "): this network's policies do not hold " +
			"between a Pod and the node it is on. Calico: defaultEndpointToHostAction: Drop, its default. Else a rule of the " +
			"node's own firewall that drops new connections of Pods."
	case len(r.Now) > 0:
		return "an instance would reach " + list(r.Now) + " although a policy forbids it. Is something exempted from " +
			"NetworkPolicies, as a proxy on the node or a service that redirects to it?"
	case len(r.First) > 0:
		return fmt.Sprintf("%s answered in the first %s of a Pod: policies hold only some time after it has begun. The network has to "+
			"know them before. Amazon's VPC CNI: NETWORK_POLICY_ENFORCING_MODE=strict. Cilium and Calico do so.", list(r.First), last(r.First))
	}
	return ""
}

// most addresses are told of each finding.
const most = 4

func list(all []canary.Reached) string {
	var words []string
	for _, r := range all {
		words = append(words, r.Address+" ("+string(r.Kind)+")")
	}
	if len(words) > most {
		words = append(words[:most], fmt.Sprintf("and %d more", len(words)-most))
	}
	return strings.Join(words, ", ")
}

func last(all []canary.Reached) time.Duration {
	longest := time.Duration(0)
	for _, r := range all {
		longest = max(longest, r.After)
	}
	return (longest + time.Second).Truncate(time.Second)
}
