package clustertest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// owners of an instance each when a node is drained, and then dies.
const owners = 20

// A drain moves what waits at once and takes nothing from owners; a dead node's instances start anew at the next visit,
// on the other node, with the same flag and address, and nothing is there twice.
func TestADrainMovesWhatWaitsAndADeadNodesInstancesStartAnew(t *testing.T) {
	e := newEvent(t, "loss", 9, whaley.Policy{Waiting: 2, SpawnConcurrency: 10})
	e.budget()
	for n := range owners {
		e.visit(n)
	}
	before, flags, on := e.running(owners), map[string]string{}, map[string]string{}
	for owner, in := range before {
		flags[owner] = e.flag(in)
		e.counted(in)
	}
	for _, pod := range e.pods() {
		on[pod.Labels[whaley.LabelInstance]] = pod.Spec.NodeName
	}

	e.cordon(second, true)
	t.Cleanup(func() { e.cordon(second, false) })
	await(t, "no begun pod can be evicted from the drained node, and none waits there", func() bool {
		left := 0
		for _, pod := range e.pods() {
			if pod.Spec.NodeName != second || pod.DeletionTimestamp != nil {
				continue
			}
			err := e.evict(pod.Name)
			if pod.Labels["whaley.begun"] != "true" || !errors.IsTooManyRequests(err) && !errors.IsNotFound(err) {
				left++
			}
		}
		return left == 0
	})
	e.running(owners)
	e.cordon(second, false)

	t.Cleanup(func() { cluster(t, "node-up", "2") })
	cluster(t, "node-down", "2")
	died := time.Now()
	lost := map[string]bool{}
	for owner, in := range before {
		lost[owner] = on[in.ID] == second
	}
	await(t, "what was on the dead node is known to be lost", func() bool {
		for owner, in := range before {
			now, err := e.db.Get(t.Context(), in.ID)
			if err != nil || now.State.Live() == lost[owner] {
				return false
			}
		}
		return true
	})
	t.Logf("all lost ones known after %v", time.Since(died))
	for n := range owners {
		e.visit(n)
	}
	for owner, in := range e.running(owners) {
		if was := before[owner]; in.Slug != was.Slug || e.flag(in) != flags[owner] || (in.ID == was.ID) == lost[owner] {
			t.Errorf("%s, lost: %t, had %s and has %s, with the flag %s before", owner, lost[owner], was.ID, in.ID, flags[owner])
		}
	}
	e.waiting(2, second)
	seen := map[string]bool{}
	for _, pod := range e.pods() {
		if id := pod.Labels[whaley.LabelInstance]; pod.DeletionTimestamp == nil && seen[id] {
			t.Errorf("%s has several pods", id)
		} else if pod.DeletionTimestamp == nil {
			seen[id] = true
		}
	}
	t.Logf("%d of %d were lost", count(lost), owners)
}

func count(all map[string]bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

// budget is the one of deploy/kubernetes.
func (e *event) budget() {
	e.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "base", "drain.yaml"))
	if err != nil {
		e.Fatal(err)
	}
	var of policy.PodDisruptionBudget
	if err := yaml.Unmarshal(text, &of); err != nil {
		e.Fatal(err)
	}
	of.Namespace = e.namespace
	if _, err := e.api.PolicyV1().PodDisruptionBudgets(e.namespace).Create(e.Context(), &of, meta.CreateOptions{}); err != nil {
		e.Fatal(err)
	}
	await(e.T, "the budget is looked after", func() bool {
		now, err := e.api.PolicyV1().PodDisruptionBudgets(e.namespace).Get(e.Context(), of.Name, meta.GetOptions{})
		return err == nil && now.Status.ObservedGeneration > 0
	})
}

// evict asks once, as a drain does again and again.
func (e *event) evict(pod string) error {
	return e.api.CoreV1().RESTClient().Post().Namespace(e.namespace).Resource("pods").Name(pod).SubResource("eviction").
		Body(&policy.Eviction{ObjectMeta: meta.ObjectMeta{Name: pod}}).MaxRetries(0).Do(e.Context()).Error()
}

func (e *event) cordon(node string, closed bool) {
	e.Helper()
	patch := []byte(`{"spec":{"unschedulable":false}}`)
	if closed {
		patch = []byte(`{"spec":{"unschedulable":true}}`)
	}
	ctx, cancel := e.quickly()
	defer cancel()
	if _, err := e.api.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, patch, meta.PatchOptions{}); err != nil {
		e.Error(err)
	}
}
