package docker_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// byBuildKit builds a Dockerfile within limits, and returns what is said of it.
func byBuildKit(t *testing.T, limits docker.BuildLimits, fence docker.Fence, dockerfile string) (string, error) {
	t.Helper()
	return building(t, docker.Options{
		Deployment: "test-warden-" + hex.EncodeToString([]byte(t.Name()))[:8], Builds: limits, Fence: fence,
		Builder: docker.BuilderBuildKit, Program: filepath.Join(dockertest.TestServerContext(t), "server"),
	}, dockerfile)
}

func TestHostileBuildsWithBuildKitStayInTheirBounds(t *testing.T) {
	testkit.Need(t, testkit.Docker, testkit.Root)
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, "the host")
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	reach := "RUN for a in $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p') 169.254.169.254 127.0.0.1; do " +
		"echo tried $a: $(nc -w 1 $a " + port + " </dev/null 2>/dev/null); done\n"
	t.Run("without a fence the host is reached", func(t *testing.T) {
		if log, err := byBuildKit(t, docker.BuildLimits{}, nil, reach); err != nil || !strings.Contains(log, ": the host\n") {
			t.Errorf("%s\n%s", errorText(err), log)
		}
	})
	t.Run("all at once", func(t *testing.T) {
		limits := docker.BuildLimits{MemoryBytes: 96 << 20, NanoCPUs: 1e9, Pids: 60, DiskBytes: 64 << 20}
		log, err := byBuildKit(t, limits, firewall.NewBuilds("whbtest-"), reach+
			"RUN sh -c 'n=0; while [ $n -lt 300 ]; do sleep 30 & n=$((n+1)); done; echo all run' || echo stopped\n"+
			"RUN tail /dev/zero; echo ended with $?\n"+
			"RUN n=0; until [ $n -ge 100 ] || grep -qsx 60 /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do n=$((n+1)); sleep 0.1; done; "+
			"for f in memory/memory.limit_in_bytes memory.max pids/pids.max pids.max cpu/cpu.cfs_quota_us cpu.max; do "+
			"echo $f $(cat /sys/fs/cgroup/$f); done\n")
		if err != nil || strings.Contains(log, ": the host") || !strings.Contains(log, "tried 169.254.169.254:\n") {
			t.Errorf("%s\n%s", errorText(err), log)
		}
		for _, either := range [][2]string{
			{"memory/memory.limit_in_bytes 100663296\n", "memory.max 100663296\n"}, {"pids/pids.max 60\n", "pids.max 60\n"},
			{"cpu/cpu.cfs_quota_us 100000\n", "cpu.max 100000 100000\n"}, {"\nstopped\n", "\nstopped\n"}, {"ended with 137\n", "ended with 137\n"},
		} {
			if !strings.Contains(log, either[0]) && !strings.Contains(log, either[1]) {
				t.Errorf("neither of %q in\n%s", either, log)
			}
		}
	})
	t.Run("who writes without end is ended", func(t *testing.T) {
		_, err := byBuildKit(t, docker.BuildLimits{DiskBytes: 8 << 20}, nil,
			"RUN --mount=type=cache,target=/cache,id=whaley-test-"+port+" dd if=/dev/zero of=/part bs=1M count=5; "+
				"dd if=/dev/zero of=/cache/part bs=1M count=5; sleep 600\n")
		if err == nil || !strings.Contains(err.Error(), "a RUN has written 10 MB; it may write 8 MB (BUILD_MAX_DISK)") {
			t.Errorf("%s", errorText(err))
		}
	})
}
