package kubernetes

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// guestPort is where the guest of a Pod's first container is asked; those of further ones follow.
const guestPort = guest.FirstPort

// lostAfter is for how many seconds a Pod stays on a node that does not answer.
const lostAfter = 5

// asOnEngines are what every user of a container may do on an engine: listen below 1024, and ping.
var asOnEngines = []corev1.Sysctl{
	{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}, {Name: "net.ipv4.ping_group_range", Value: "0 2147483647"},
}

// design is what Pods of an instance are made of.
type design struct {
	deployment  string
	namespace   string
	secret      []byte // of the guests' keys
	nameServers []string
	nodes       []string // where it may be
	challenge   *whaley.Challenge
	labels      instancer.Labels
	services    []instancer.PlannedService
	images      map[string]Image // service → its image
}

// pod is that of a group of services. Its name is one that no other Pod has.
func (d *design) pod(g group, name string) (*corev1.Pod, error) {
	labels, notes := marks(d.deployment, d.labels)
	no, grace := false, int64(1) // the guest has ended the program before, in its own time
	first := d.services[g[0]].Service
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace, Labels: labels, Annotations: notes},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			TerminationGracePeriodSeconds: &grace, Hostname: hostnameOf(first),
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				Sysctls:        asOnEngines,
			},
			Tolerations: []corev1.Toleration{tolerated("not-ready"), tolerated("unreachable")},
			Affinity:    onlyOn(d.nodes),
		},
	}
	d.reach(pod, g)
	if first.Runtime != "" {
		pod.Spec.RuntimeClassName = &first.Runtime
	}
	var names []string
	for place, n := range g {
		c, err := d.container(pod, n, guestPort+place)
		if err != nil {
			return nil, err
		}
		pod.Spec.Containers = append(pod.Spec.Containers, c)
		names = append(names, d.services[n].Name)
		notes[noteState+c.Name] = string(guest.Waiting)
	}
	notes[noteServices] = strings.Join(names, ",")
	return pod, nil
}

// reach says by labels what the Pod may reach, and gives it name servers where it may ask some.
func (d *design) reach(pod *corev1.Pod, g group) {
	outside := false
	for _, n := range g {
		for _, network := range networksOf(d.challenge, d.services[n].Service) {
			pod.Labels[networkLabel(network)] = "true"
			internal := len(d.challenge.Networks) > 0 && d.challenge.Networks[network].Internal
			outside = outside || d.challenge.Egress && !internal
		}
	}
	if !outside {
		// What the cluster's name server does not know it asks others: a way out. Nobody answers here.
		pod.Spec.DNSPolicy = corev1.DNSNone
		pod.Spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"127.0.0.1"}}
		return
	}
	pod.Labels[labelEgress] = "true"
	pod.Spec.DNSPolicy = corev1.DNSDefault
	if len(d.nameServers) > 0 {
		pod.Spec.DNSPolicy = corev1.DNSNone
		pod.Spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: d.nameServers}
	}
}

func hostnameOf(s whaley.Service) string {
	if name := dnsLabel(s.Hostname); name != "" {
		return name
	}
	return dnsLabel(s.Name)
}

func tolerated(taint string) corev1.Toleration {
	seconds := int64(lostAfter)
	return corev1.Toleration{
		Key: "node.kubernetes.io/" + taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute,
		TolerationSeconds: &seconds,
	}
}

// onlyOn has a Pod be on one of some nodes; nil: on any.
func onlyOn(nodes []string) *corev1.Affinity {
	if len(nodes) == 0 {
		return nil
	}
	var terms []corev1.NodeSelectorTerm // one of which has to hold; a field may be only one value
	for _, node := range slices.Sorted(slices.Values(nodes)) {
		terms = append(terms, corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{
			Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
		}}})
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}
