package docker_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAContainerGetsTheRuntimeItAsksFor(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	about, err := b.About(ctx)
	known := about.Runtimes
	if err != nil || !slices.Contains(known, "runc") {
		t.Fatalf("the engine knows %v %v", known, err)
	}
	if err := b.network(network+"-runtime", b.subnet); err != nil {
		t.Fatal(err)
	}
	for _, runtime := range known {
		spec := b.spec("engine-test-" + strings.ReplaceAll(runtime, ".", "-"))
		spec.Network = network + "-runtime"
		spec.Service.Runtime = runtime
		id, err := b.CreateContainer(ctx, spec)
		if err != nil {
			t.Errorf("%s: %v", runtime, err)
			continue
		}
		out, err := exec.Command("docker", "inspect", "--format", "{{.HostConfig.Runtime}}", id).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != runtime {
			t.Errorf("asked for %s, made with %s %v", runtime, got, err)
		}
	}
	spec := b.spec("engine-test-none")
	spec.Network = network + "-runtime"
	spec.Service.Runtime = "nonesuch"
	if id, err := b.CreateContainer(ctx, spec); err == nil {
		err = b.StartContainer(ctx, id)
		if whaley.CodeOf(err) != "runtime_missing" {
			t.Errorf("a runtime that is not there: %v", err)
		}
	} else if whaley.CodeOf(err) != "runtime_missing" {
		t.Errorf("a runtime that is not there: %v", err)
	}
}
