package docker_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// building builds a Dockerfile on an engine, and returns what is said of it.
func building(t *testing.T, opts docker.Options, dockerfile string) (string, error) {
	t.Helper()
	opts.Folder = t.TempDir()
	engine, err := docker.New(opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM busybox:1.36\n"+dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	service := whaley.Service{
		Name: "web", Image: "whaley/engine-" + opts.Deployment + ":latest",
		Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	var log bytes.Buffer
	err = engine.BuildImage(
		t.Context(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service, Again: true}, &log,
	)
	return log.String(), err
}

func TestWhatABuildMayUseIsBounded(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	log, err := building(t, docker.Options{
		Deployment: "test-bound", Builds: docker.BuildLimits{MemoryBytes: 96 << 20, NanoCPUs: 5e8, Pids: 40},
	},
		// The number of processes is bounded a moment after the line has begun.
		"RUN n=0; until [ $n -ge 600 ] || grep -qsx 40 /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do n=$((n+1)); sleep 0.1; done; for f in memory/memory.limit_in_bytes memory.max pids/pids.max pids.max cpu/cpu.cfs_quota_us cpu.max; do "+
			"echo $f $(cat /sys/fs/cgroup/$f); done\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for _, either := range [][2]string{
		{"memory/memory.limit_in_bytes 100663296", "memory.max 100663296"}, {"pids/pids.max 40", "pids.max 40"},
		{"cpu/cpu.cfs_quota_us 50000", "cpu.max 50000 100000"},
	} {
		if !strings.Contains(log, either[0]+"\n") && !strings.Contains(log, either[1]+"\n") {
			t.Errorf("neither of %q in\n%s", either, log)
		}
	}
}

func TestABuildThatWritesWithoutEndIsEnded(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	_, err := building(t, docker.Options{Deployment: "test-bound", Builds: docker.BuildLimits{DiskBytes: 8 << 20}},
		"RUN dd if=/dev/zero of=/big bs=1M count=24 && sleep 600\n")
	if err == nil || !strings.Contains(errorText(err), "a RUN has written ") ||
		!strings.Contains(errorText(err), "; it may write 8 MB") {
		t.Error(errorText(err))
	}
}

func TestABuildThatPrintsWithoutEndIsEnded(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	log, err := building(t, docker.Options{Deployment: "test-bound", Builds: docker.BuildLimits{NanoCPUs: 1e9}},
		"RUN yes 0123456789012345678901234567890123456789012345678901234567890123456789\n",
	)
	if err == nil || !strings.Contains(errorText(err), "the build has printed more than 64 MB") || len(log) > 65<<20 {
		t.Errorf("%d bytes, %s", len(log), errorText(err))
	}
}

// errorText is an error with what is only for the log.
func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
