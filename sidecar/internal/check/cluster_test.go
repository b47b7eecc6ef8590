package check

import (
	"slices"
	"testing"

	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	api "k8s.io/client-go/testing"
)

// An account gets what is in its list of verbs and resources.
func account(may func(a *authorization.ResourceAttributes) bool) *fake.Clientset {
	client := fake.NewClientset()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a api.Action) (bool, runtime.Object, error) {
		review := a.(api.CreateAction).GetObject().(*authorization.SelfSubjectAccessReview)
		review.Status.Allowed = may(review.Spec.ResourceAttributes)
		return true, review, nil
	})
	return client
}

func TestRightsThatAreMissingOrTooManyAreNamed(t *testing.T) {
	asked := func(all []right) func(a *authorization.ResourceAttributes) bool {
		return func(a *authorization.ResourceAttributes) bool {
			return slices.ContainsFunc(all, func(n right) bool {
				return a.Namespace == "instances" && n.group == a.Group && n.resource == a.Resource && n.part == a.Subresource && slices.Contains(n.verbs, a.Verb)
			})
		}
	}
	told(t, 0, func(r *report) { checkRights(t.Context(), account(asked(needed)), "instances", r) }, "rights      ok")
	told(t, 1, func(r *report) { checkRights(t.Context(), account(asked(needed[:3])), "instances", r) },
		"may not create daemonsets, update daemonsets in the namespace instances", "access.yaml")
	told(t, 0, func(r *report) {
		checkRights(t.Context(), account(asked(append(slices.Clone(needed), tooMuch[0]))), "instances", r)
	}, "may also get secrets, list secrets")
}

func TestPodsWithoutAPlaceOrAnImageAreTold(t *testing.T) {
	pod := func(name string, status core.PodStatus) *core.Pod {
		return &core.Pod{ObjectMeta: meta.ObjectMeta{Namespace: "instances", Name: name}, Spec: core.PodSpec{NodeName: "n1"}, Status: status}
	}
	fine := pod("fine", core.PodStatus{Conditions: []core.PodCondition{{Type: core.PodScheduled, Status: core.ConditionTrue}}})
	full := pod("full", core.PodStatus{Conditions: []core.PodCondition{{
		Type: core.PodScheduled, Status: core.ConditionFalse, Message: "0/2 nodes are available: 2 Too many pods",
	}}})
	lost := pod("lost", core.PodStatus{ContainerStatuses: []core.ContainerStatus{{State: core.ContainerState{
		Waiting: &core.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "401 Unauthorized"},
	}}}})
	told(t, 0, func(r *report) { checkRoom(t.Context(), fake.NewClientset(fine), "instances", r) }, "pods        ok")
	told(t, 2, func(r *report) { checkRoom(t.Context(), fake.NewClientset(fine, full, lost), "instances", r) },
		"1 of 3 wait for a place on a node: 0/2 nodes are available: 2 Too many pods", "n1: 401 Unauthorized", "whaley-registry")
}
