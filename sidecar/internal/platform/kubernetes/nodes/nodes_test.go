package nodes_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/nodes"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func reached(kind canary.Kind, address string, after time.Duration) canary.Reached {
	return canary.Reached{Target: canary.Target{Kind: kind, Address: address}, After: after}
}

func TestWhatACanaryReachesSaysWhatTheNetworkLacks(t *testing.T) {
	metadata := reached(canary.Metadata, "169.254.169.254:80", 460*time.Millisecond)
	node := reached(canary.Node, "10.0.0.1:10250", 0)
	pod := reached(canary.Pod, "10.244.2.7:7117", 0)
	for what, c := range map[string]struct {
		report canary.Report
		why    []string // in what is said; none: the node may be used
	}{
		"nothing":           {canary.Report{Early: true}, nil},
		"nothing so far":    {canary.Report{}, []string{"first seconds"}},
		"all":               {canary.Report{Early: true, Now: []canary.Reached{metadata, node, pod}}, []string{"not enforced", pod.Address}},
		"its own node":      {canary.Report{Early: true, First: []canary.Reached{node}, Now: []canary.Reached{node}}, []string{"own node", node.Address}},
		"metadata":          {canary.Report{Early: true, Now: []canary.Reached{metadata}}, []string{metadata.Address, "exempted"}},
		"metadata at first": {canary.Report{Early: true, First: []canary.Reached{metadata}}, []string{metadata.Address, "first 1s", "strict"}},
		"its node at first": {canary.Report{Early: true, First: []canary.Reached{node}}, []string{node.Address, "first 1s"}},
		"Whaley's own":      {canary.Report{Early: true, Now: []canary.Reached{reached(canary.Own, "10.0.0.9:6379", 0)}}, []string{"10.0.0.9:6379"}},
	} {
		why := nodes.Judge(c.report)
		if (why == "") != (len(c.why) == 0) {
			t.Errorf("%s: %q", what, why)
		}
		for _, part := range c.why {
			if !strings.Contains(why, part) {
				t.Errorf("%s: %q does not hold %q", what, why, part)
			}
		}
	}
}

// on is a canary as it is on a node.
func on(node, address string, ready core.ConditionStatus) *core.Pod {
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: "whaley-node-" + node, UID: types.UID(node), Labels: map[string]string{"whaley.deployment": "d1", "whaley.role": "node"}},
		Spec:       core.PodSpec{NodeName: node, Containers: []core.Container{{Name: "canary"}}},
		Status: core.PodStatus{Phase: core.PodRunning, PodIP: address,
			Conditions: []core.PodCondition{{Type: core.PodReady, Status: ready, Reason: "NodeNotReady"}}},
	}
}

func TestANodeIsUsedWhileItsCanaryProvesItAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		n := nodes.New(client, nodes.Setup{Namespace: "instances", Deployment: "d1"}, slog.New(slog.DiscardHandler))
		var (
			mu      sync.Mutex
			reports = map[string]canary.Report{}
			asked   = map[string][]canary.Target{}
		)
		set := func(address string, r *canary.Report) {
			mu.Lock()
			defer mu.Unlock()
			if delete(reports, address); r != nil {
				reports[address] = *r
			}
		}
		n.Answer(func(_ context.Context, address string, q canary.Question) (canary.Report, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[address] = q.Targets
			r, ok := reports[address]
			if !ok {
				return r, errors.New("no route to it")
			}
			return r, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = n.Run(ctx) }()
		expect := func(what string, usable []string, refused ...string) {
			t.Helper()
			time.Sleep(20 * time.Second)
			if got := n.Usable(); !slices.Equal(got, usable) {
				t.Errorf("%s: usable are %v, want %v; refused: %v", what, got, usable, n.Refused())
			}
			if got := n.Refused(); len(got) != len(refused) {
				t.Errorf("%s: refused are %v, want %v", what, got, refused)
			}
			if err := n.Ready(ctx); (err == nil) != (len(usable) > 0) || err != nil && whaley.CodeOf(err) != "no_node" {
				t.Errorf("%s: ready says %v", what, err)
			}
			if err := n.Ping(ctx); (err == nil) != (len(usable) > 0 && len(refused) == 0) {
				t.Errorf("%s: health says %v", what, err)
			}
		}
		make := func(pod *core.Pod) {
			if _, err := client.CoreV1().Pods("instances").Create(ctx, pod, meta.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		good, bad := canary.Report{Early: true}, canary.Report{Early: true, Now: []canary.Reached{reached(canary.Node, "10.0.0.1:10250", 0)}}

		expect("before there is a canary", nil)
		make(on("n1", "10.244.1.2", core.ConditionTrue))
		make(on("n2", "10.244.2.2", core.ConditionTrue))
		expect("before a canary answers", nil, "n1", "n2")
		set("10.244.1.2:7117", &good)
		expect("when one answers", []string{"n1"}, "n2")
		set("10.244.2.2:7117", &bad)
		expect("when the other reaches its node", []string{"n1"}, "n2")
		set("10.244.2.2:7117", &good)
		expect("when it does so no more", []string{"n1", "n2"})
		if want := (canary.Target{Kind: canary.Pod, Address: "10.244.2.2:7117"}); !slices.Contains(asked["10.244.1.2:7117"], want) {
			t.Errorf("one canary is asked for %v, not for the other", asked["10.244.1.2:7117"])
		}
		set("10.244.2.2:7117", nil)
		expect("when it has just fallen silent", []string{"n1", "n2"})
		time.Sleep(time.Minute)
		expect("when it is silent for long", []string{"n1"}, "n2")
		if _, err := client.CoreV1().Pods("instances").UpdateStatus(ctx, on("n1", "10.244.1.2", core.ConditionFalse), meta.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		expect("when a node is dead", nil, "n1", "n2")
		cancel()
		time.Sleep(time.Minute) // watches of the fake end by themselves
	})
}

// A canary before its policy would prove nothing, and what is there from a life before is what is wanted now.
func TestThePolicyIsThereBeforeTheCanaries(t *testing.T) {
	client := fake.NewClientset()
	for _, image := range []string{"r.example/w@sha256:1", "r.example/w@sha256:2"} {
		ctx, cancel := context.WithCancel(t.Context())
		n := nodes.New(client, nodes.Setup{Namespace: "instances", Deployment: "d1", Image: image}, slog.New(slog.DiscardHandler))
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		testkit.Eventually(t, 10*time.Second, "there are canaries with "+image, func() error {
			set, err := client.AppsV1().DaemonSets("instances").Get(ctx, "whaley-node", meta.GetOptions{})
			if err == nil && set.Spec.Template.Spec.Containers[0].Image != image {
				return errors.New("they have another")
			}
			return err
		})
		cancel()
		<-ended
	}
	var made []string
	for _, a := range client.Actions() {
		if a.GetVerb() == "create" {
			made = append(made, a.GetResource().Resource)
		}
	}
	if !slices.Equal(made[:2], []string{"networkpolicies", "daemonsets"}) {
		t.Errorf("made in this order: %v", made)
	}
}
