package kubernetes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// private are the networks that no instance reaches, whatever it may: a node's, the cluster's, those of its providers.
var private = map[string][]string{
	"0.0.0.0/0": {
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	},
	"::/0": {"::/96", "64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8"},
}

// networkLabel is on the Pods that are on the nth of their challenge's networks.
func networkLabel(n int) string { return labelNetwork + strconv.Itoa(n) }

// networksOf are a service's networks by their numbers; one that shares addresses is on those of the other.
func networksOf(ch *whaley.Challenge, s whaley.Service) (all []int) {
	if home, n := ch.Home(s.Name); n >= 0 {
		s = home
	}
	if s.Offline {
		return nil
	}
	if len(s.Joins) == 0 || len(ch.Networks) == 0 {
		return []int{0}
	}
	for _, j := range s.Joins {
		if n := slices.IndexFunc(ch.Networks, func(n whaley.Network) bool { return n.Name == j.Network }); n >= 0 {
			all = append(all, n)
		}
	}
	return all
}

// Peers are who may reach instances: networks, and Pods by their labels.
func Peers(texts []string) (all []networkingv1.NetworkPolicyPeer, err error) {
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: p.String()}})
			continue
		}
		selected, err := labels.ConvertSelectorToLabelsMap(text)
		if err != nil || len(selected) == 0 || strings.Contains(text, "/") && !strings.Contains(text, "=") {
			return nil, fmt.Errorf("%q is neither a network, as 10.0.0.0/24, nor a label of Pods, as app=traefik", text)
		}
		all = append(all, networkingv1.NetworkPolicyPeer{
			PodSelector: &metav1.LabelSelector{MatchLabels: selected}, NamespaceSelector: &metav1.LabelSelector{},
		})
	}
	return all, nil
}

// standing are the policies of a deployment that hold for all of its Pods, from before there are any: only the edge
// reaches them, they reach nothing, and those that may go out reach the world.
func standing(deployment, namespace string, edge []networkingv1.NetworkPolicyPeer) []*networkingv1.NetworkPolicy {
	name := "whaley-" + dnsLabel(deployment)
	mine := map[string]string{labelDeployment: deployment}
	closed := policy(namespace, name+"-closed", mine, mine)
	closed.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: edge}}
	out := map[string]string{labelDeployment: deployment, labelEgress: "true"}
	open := policy(namespace, name+"-egress", mine, out)
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		block := &networkingv1.IPBlock{CIDR: all, Except: private[all]}
		open.Spec.Egress = append(
			open.Spec.Egress,
			networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{{IPBlock: block}}},
		)
	}
	return []*networkingv1.NetworkPolicy{closed, open}
}

// between are the policies of an instance: one for each of its networks that several of its Pods are on.
func between(deployment, namespace string, ch *whaley.Challenge, l instancer.Labels) (all []*networkingv1.NetworkPolicy) {
	pods := map[int]int{}
	for _, g := range groups(ch) {
		on := map[int]bool{}
		for _, n := range g {
			for _, network := range networksOf(ch, ch.Services[n]) {
				on[network] = true
			}
		}
		for network := range on {
			pods[network]++
		}
	}
	for network := range max(1, len(ch.Networks)) {
		if pods[network] < 2 {
			continue
		}
		marked, notes := marks(deployment, l)
		chosen := map[string]string{
			labelDeployment: deployment, labelInstance: l.Instance, networkLabel(network): "true",
		}
		p := policy(namespace, fmt.Sprintf("%s-%d", podName(l.Instance), network), marked, chosen)
		p.Annotations = notes
		them := []networkingv1.NetworkPolicyPeer{{PodSelector: &p.Spec.PodSelector}}
		p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: them}}
		p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: them}}
		all = append(all, p)
	}
	return all
}

// policy is one that lets nothing through yet.
func policy(namespace, name string, marked, chosen map[string]string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: marked},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: chosen},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
}

// podName is an instance's id as names of objects begin.
func podName(instance string) string { return dnsLabel(instance) }
