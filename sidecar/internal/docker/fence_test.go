package docker_test

import (
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// fenceLog is a fence that tells for whom it was closed.
type fenceLog struct {
	closed chan []netip.Addr
	opened chan struct{}
}

func (f *fenceLog) Close(_ string, known []netip.Addr) error { f.closed <- known; return nil }
func (f *fenceLog) Open() error                              { close(f.opened); return nil }

func TestTheAddressOfAContainerThatLeftIsClosedToBuilds(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("docker", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	container := run("run", "-d", "--rm", "busybox:1.36", "sleep", "600")
	defer func() { _ = exec.Command("docker", "rm", "-f", container).Run() }() // it may be gone
	address := netip.MustParseAddr(run("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container))
	fence := &fenceLog{closed: make(chan []netip.Addr, 100), opened: make(chan struct{})}
	engine, err := docker.New(docker.Options{Deployment: "test-fence", Folder: t.TempDir(), Fence: fence}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	release, err := engine.FenceRuns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if known := <-fence.closed; !slices.Contains(known, address) {
		t.Errorf("%s was there before, and %v is known", address, known)
	}
	run("rm", "-f", container)
	for deadline := time.After(time.Minute); ; { // others may leave as well
		select {
		case known := <-fence.closed:
			if slices.Contains(known, address) {
				continue
			}
		case <-deadline:
			t.Error("the address of a container that left stays open")
		}
		break
	}
	release()
	<-fence.opened
}
