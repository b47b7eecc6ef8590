package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// onCluster is a claim of what waits, and a cold start, over a bare Pod's create on the same cluster; then 30 at once.
// Without a cluster it is left out: scripts/kubernetes-cluster up.
func onCluster(ctx context.Context, _ string, rounds int, r *results) error {
	const script = "../scripts/kubernetes-cluster"
	if exec.CommandContext(ctx, script, "answers").Run() != nil {
		fmt.Fprintln(os.Stderr, "kubernetes is left out: no cluster runs (scripts/kubernetes-cluster up)")
		return nil
	}
	command := exec.CommandContext(
		ctx, "go", "test", "-count=1", "-timeout", "20m", "-exec", "../scripts/kubernetes-cluster run", "-run", "^TestBench$", "-v",
		"./internal/platform/kubernetes/clustertest",
	)
	command.Env = append(os.Environ(), "CLUSTER_BENCH="+strconv.Itoa(rounds), "CLUSTER_BURST=30")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("TestBench on the cluster: %w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		number, wrong := strconv.ParseFloat(value, 64)
		switch {
		case !ok || !strings.HasPrefix(name, "kubernetes_"):
		case wrong == nil && strings.Contains(name, "_over_"):
			r.ratio(name, number)
		default:
			r.value(name, value)
		}
	}
	return nil
}
