package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/nodes"
)

// right is what the role of deploy/kubernetes/base/access.yaml gives.
type right struct {
	group, resource, part string
	verbs                 []string
}

var needed = []right{
	{"", "pods", "", []string{"create", "delete", "get", "list", "patch", "watch"}},
	{"", "pods", "log", []string{"get"}},
	{"networking.k8s.io", "networkpolicies", "", []string{"create", "delete", "get", "list", "patch", "update", "watch"}},
	{"apps", "daemonsets", "", []string{"create", "update"}},
}

// tooMuch makes who takes over the sidecar more than the owner of some Pods.
var tooMuch = []right{
	{"", "secrets", "", []string{"get", "list"}}, {"", "pods", "exec", []string{"create"}},
	{"", "serviceaccounts", "token", []string{"create"}}, {"rbac.authorization.k8s.io", "rolebindings", "", []string{"create"}},
}

// checkCluster looks at what instances run on with PLATFORM=kubernetes.
func checkCluster(ctx context.Context, c *config.Config, r *report) {
	cluster, err := app.NewCluster(c)
	if err != nil {
		r.say("cluster", err, "docs/kubernetes.md says what is needed.")
		return
	}
	version, err := cluster.API.Discovery().ServerVersion()
	if !r.say("cluster", err, "The API server at "+cluster.Where+" has to be reached: in a Pod by its service account, elsewhere by KUBECONFIG.") {
		return
	}
	r.hint("cluster", "Kubernetes %s at %s, instances in the namespace %s", version.GitVersion, cluster.Where, c.KubernetesNamespace)
	r.say("registry", cluster.Registry.Ping(ctx), "KUBERNETES_REGISTRY (and KUBERNETES_REGISTRY_PUSH) must be a repository that "+
		"this sidecar may push to, with its login in REGISTRY_LOGINS.")
	if checkRights(ctx, cluster.API, c.KubernetesNamespace, r) {
		checkNodes(ctx, cluster.API, c.KubernetesNamespace, r)
		checkRoom(ctx, cluster.API, c.KubernetesNamespace, r)
	}
}

// checkRights asks the API server what this account may do.
func checkRights(ctx context.Context, api client.Interface, namespace string, r *report) bool {
	var missing, spare []string
	for _, one := range slices.Concat(needed, tooMuch) {
		for _, verb := range one.verbs {
			may, err := allowed(ctx, api, namespace, verb, one)
			if err != nil {
				return r.say("rights", err, "The API server must let every account ask for its own rights (system:basic-user).")
			}
			what := verb + " " + one.resource
			if one.part != "" {
				what += "/" + one.part
			}
			isNeeded := slices.ContainsFunc(needed, func(n right) bool { return n.resource == one.resource && n.part == one.part })
			switch {
			case isNeeded && !may:
				missing = append(missing, what)
			case !isNeeded && may:
				spare = append(spare, what)
			}
		}
	}
	if len(spare) > 0 {
		r.hint("rights", "this account may also %s in %s, which Whaley never does: bind nothing but the role of docs/kubernetes.md",
			strings.Join(spare, ", "), namespace)
	}
	if len(missing) > 0 {
		r.fault("rights", "this account may not "+strings.Join(missing, ", ")+" in the namespace "+namespace,
			"Apply deploy/kubernetes/base/access.yaml, and run the sidecar as the service account whaley.")
		return false
	}
	r.ok("rights")
	return true
}

func allowed(ctx context.Context, api client.Interface, namespace, verb string, one right) (bool, error) {
	review, err := api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorization.SelfSubjectAccessReview{
		Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorization.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: one.group, Resource: one.resource, Subresource: one.part,
		}},
	}, meta.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask whether this account may %s %s: %w", verb, one.resource, err)
	}
	return review.Status.Allowed, nil
}

// checkNodes asks the canaries of a sidecar that runs.
func checkNodes(ctx context.Context, api client.Interface, namespace string, r *report) {
	found, err := nodes.Look(ctx, api, namespace)
	if err != nil {
		r.say("nodes", err, "The API server has to answer.")
		return
	}
	if len(found) == 0 {
		r.hint("nodes", "no node is tried yet: canaries are there once whaley serve has run, and the registry and KUBERNETES_NODES let them")
		return
	}
	usable := 0
	for _, node := range slices.Sorted(maps.Keys(found)) {
		if why := found[node]; why != "" {
			r.fault("nodes", node+" gets no instance: "+why, "docs/kubernetes.md, What the cluster needs.")
			continue
		}
		usable++
	}
	if usable > 0 {
		r.ok("nodes")
		r.hint("nodes", "%d of %d keep instances in, and pull from the registry", usable, len(found))
	}
}

// checkRoom goes by Pods that the scheduler has no place for: how many a node holds is nothing that the role lets one ask.
func checkRoom(ctx context.Context, api client.Interface, namespace string, r *report) {
	all, err := api.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		r.say("pods", err, "The API server has to answer.")
		return
	}
	var waiting, unpulled []string
	for n := range all.Items {
		pod := &all.Items[n]
		for _, condition := range pod.Status.Conditions {
			if condition.Type == core.PodScheduled && condition.Status == core.ConditionFalse {
				waiting = append(waiting, condition.Message)
			}
		}
		for _, s := range pod.Status.ContainerStatuses {
			if w := s.State.Waiting; w != nil && strings.Contains(w.Reason, "Image") {
				unpulled = append(unpulled, pod.Spec.NodeName+": "+w.Message)
			}
		}
	}
	if len(waiting) > 0 {
		r.fault("pods", fmt.Sprintf("%d of %d wait for a place on a node: %s", len(waiting), len(all.Items), waiting[0]),
			"Add nodes, or lower WAITING and the requests of challenges.")
	}
	if len(unpulled) > 0 {
		r.fault("pods", fmt.Sprintf("%d cannot pull their image; %s", len(unpulled), unpulled[0]),
			"Nodes reach the registry as KUBERNETES_REGISTRY says, and log in with the secret whaley-registry of the namespace.")
	}
	if len(waiting)+len(unpulled) == 0 {
		r.ok("pods")
	}
}
