package clustertest_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestBench prints how long owners wait on the cluster, beside the least that the same cluster needs for a Pod of the
// same image, in CLUSTER_BENCH rounds. 30 and 100 at once are with CLUSTER_BURST, which is how many. It promises nothing,
// so that scripts/kubernetes-test leaves it to make bench.
func TestBench(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("CLUSTER_BENCH"))
	burst, _ := strconv.Atoi(os.Getenv("CLUSTER_BURST"))
	rounds = max(1, rounds)
	e := newEvent(t, "bench", 10, whaley.Policy{SpawnConcurrency: 10})
	e.timed(-1) // builds the image, which is on all nodes then
	image, err := e.images.Pushed(t.Context(), e.ch.Services[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	var bare, cold, claimed []time.Duration
	for n := range rounds { // one by one, so that all meet the same machine
		bare = append(bare, e.bare(image.Reference, n))
		e.rules.SetPolicy(whaley.Policy{SpawnConcurrency: 10})
		e.waiting(0, "")
		cold = append(cold, e.timed(1000+n))
		e.rules.SetPolicy(whaley.Policy{SpawnConcurrency: 10, Waiting: 1})
		e.waiting(1, "")
		claimed = append(claimed, e.timed(2000+n))
	}
	for name, all := range map[string][]time.Duration{"cold": cold, "claim": claimed} {
		for _, p := range []int{50, 95} {
			fmt.Printf("kubernetes_%s_p%d_over_bare %.3f\n", name, p, part(all, p).Seconds()/part(bare, p).Seconds())
		}
	}
	for name, all := range map[string][]time.Duration{"bare": bare, "cold": cold, "claim": claimed} {
		fmt.Printf("kubernetes_%s_ms %d (p95 %d, n %d)\n", name, part(all, 50).Milliseconds(), part(all, 95).Milliseconds(), len(all))
	}
	if burst == 0 {
		return
	}
	e.rules.SetPolicy(whaley.Policy{SpawnConcurrency: 10, Waiting: burst})
	for n := range burst { // what was asked for is what is made ahead
		e.visit(5000 + n)
	}
	e.stopAll()
	e.waiting(burst, "")
	var all sync.WaitGroup
	took := make([]time.Duration, burst)
	began := time.Now()
	for n := range burst {
		all.Go(func() { took[n] = e.timed(3000 + n) })
	}
	all.Wait()
	fmt.Printf("kubernetes_%d_at_once_per_s %.0f\n", burst, float64(burst)/time.Since(began).Seconds())
	fmt.Printf("kubernetes_%d_at_once_ms %d (p95 %d)\n", burst, part(took, 50).Milliseconds(), part(took, 95).Milliseconds())
}

func part(all []time.Duration, percent int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, len(all)*percent/100)]
}

// timed is how long an owner waits from a visit to the first byte.
func (e *event) timed(n int) time.Duration {
	began := time.Now()
	in, err := e.rules.Spawn(e.Context(), ownerOf(n), "one")
	if err != nil {
		e.Error(err)
		return 0
	}
	for ; in.State != whaley.Running; time.Sleep(time.Millisecond) {
		if in, err = e.db.Get(e.Context(), in.ID); err != nil || !in.State.Live() {
			e.Errorf("%s is %s: %v, %v", in.ID, in.State, in.Reason, err)
			return 0
		}
	}
	return e.untilAnswers(in, began)
}

// bare is how long a Pod takes from its creation to the first byte.
func (e *event) bare(image string, n int) time.Duration {
	e.Helper()
	no, grace := false, int64(0)
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: fmt.Sprint("bare-", n), Labels: map[string]string{"bare": "true"}},
		Spec: core.PodSpec{
			AutomountServiceAccountToken: &no, EnableServiceLinks: &no, TerminationGracePeriodSeconds: &grace,
			Containers: []core.Container{{Name: "web", Image: image, ImagePullPolicy: core.PullIfNotPresent}},
		},
	}
	began := time.Now()
	pod, err := e.api.CoreV1().Pods(e.namespace).Create(e.Context(), pod, meta.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
	w, err := e.api.CoreV1().Pods(e.namespace).Watch(e.Context(), meta.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", pod.Name).String(), ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		e.Fatal(err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if now, ok := event.Object.(*core.Pod); ok && now.Status.PodIP != "" {
			pod = now
			break
		}
	}
	took := time.Duration(0)
	for until := time.Now().Add(time.Minute); took == 0 && time.Now().Before(until); time.Sleep(time.Millisecond) {
		if answer, err := http.Get("http://" + pod.Status.PodIP + ":8080/"); err == nil {
			answer.Body.Close()
			took = time.Since(began)
		}
	}
	if err := e.api.CoreV1().Pods(e.namespace).Delete(e.Context(), pod.Name, meta.DeleteOptions{}); err != nil || took == 0 {
		e.Fatalf("the bare pod took %v: %v", took, err)
	}
	return took
}

// stopAll stops what lives once it runs, and awaits that.
func (e *event) stopAll() {
	e.Helper()
	await(e.T, "all that was started is stopped", func() bool {
		live, err := e.db.Live(e.Context(), "")
		for _, in := range live {
			if in.State == whaley.Running {
				_, _ = e.rules.Instancer.Stop(e.Context(), whaley.Player{ID: in.Owner.ID, Owner: in.Owner}, in.ID)
			}
		}
		return err == nil && len(live) == 0
	})
}
