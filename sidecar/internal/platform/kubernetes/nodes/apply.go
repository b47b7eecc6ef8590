package nodes

import (
	"context"
	"fmt"
	"maps"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
)

// daemonSet is the name of the canaries, and of their policy.
const daemonSet = "whaley-node"

// apply makes the policy first: a canary before it would prove nothing.
func (n *Nodes) apply(ctx context.Context) error {
	policies, sets := n.client.NetworkingV1().NetworkPolicies(n.Namespace), n.client.AppsV1().DaemonSets(n.Namespace)
	policy, set := n.policy(), n.set()
	_, err := policies.Create(ctx, policy, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		_, err = policies.Update(ctx, policy, meta.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("make the NetworkPolicy %s of canaries: %w", daemonSet, err)
	}
	_, err = sets.Create(ctx, set, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		_, err = sets.Update(ctx, set, meta.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("make the DaemonSet %s of canaries: %w", daemonSet, err)
	}
	return nil
}

// policy lets nothing out and the edge in, as that of an instance without egress.
func (n *Nodes) policy() *networking.NetworkPolicy {
	tcp, port := core.ProtocolTCP, intstr.FromInt32(canary.Port)
	return &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Name: daemonSet, Labels: n.labels()},
		Spec: networking.NetworkPolicySpec{
			PodSelector: *n.selector(),
			PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress, networking.PolicyTypeEgress},
			Ingress: []networking.NetworkPolicyIngressRule{{
				From: n.Edge, Ports: []networking.NetworkPolicyPort{{Protocol: &tcp, Port: &port}},
			}},
		},
	}
}

func (n *Nodes) set() *apps.DaemonSet {
	no, yes, nobody, grace := false, true, int64(65534), int64(1)
	everywhere := intstr.FromString("100%")
	labels := n.labels()
	small := core.ResourceList{core.ResourceCPU: resource.MustParse("5m"), core.ResourceMemory: resource.MustParse("16Mi")}
	return &apps.DaemonSet{
		ObjectMeta: meta.ObjectMeta{Name: daemonSet, Labels: labels},
		Spec: apps.DaemonSetSpec{
			Selector:       n.selector(),
			UpdateStrategy: apps.DaemonSetUpdateStrategy{RollingUpdate: &apps.RollingUpdateDaemonSet{MaxUnavailable: &everywhere}},
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: maps.Clone(labels)},
				Spec: core.PodSpec{
					NodeSelector: n.Selector, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
					DNSPolicy: core.DNSDefault, TerminationGracePeriodSeconds: &grace,
					SecurityContext: &core.PodSecurityContext{
						RunAsUser: &nobody, RunAsNonRoot: &yes,
						SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []core.Container{{
						Name: "canary", Image: n.Image, ImagePullPolicy: core.PullIfNotPresent,
						Command: []string{guest.Folder + "/" + guest.Name, "canary"},
						Env: []core.EnvVar{{Name: canary.Variable, ValueFrom: &core.EnvVarSource{
							FieldRef: &core.ObjectFieldSelector{FieldPath: "status.hostIPs"},
						}}},
						Resources: core.ResourceRequirements{Requests: small, Limits: core.ResourceList{core.ResourceMemory: resource.MustParse("32Mi")}},
						SecurityContext: &core.SecurityContext{
							AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
							Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
						},
					}},
				},
			},
		},
	}
}
