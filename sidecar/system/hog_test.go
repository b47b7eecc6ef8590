package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// static is the program as it is deployed: without the race detector it needs no loader, and can run in an empty container.
func static(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "whaley")
	build := exec.Command("go", "build", "-o", binary, "./cmd/whaley")
	build.Dir, build.Env = filepath.Join(root, "sidecar"), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return binary
}

// Each of these takes what all share in another way, all at once, and every bound is a small one; an instance that does nothing of
// the kind stays, and others are started meanwhile.
func TestWhatAnInstanceHidesLittersAndPrintsIsFoundAndStopped(t *testing.T) {
	hogs := map[string]struct {
		probe []string
		cause string
	}{
		"hides":   {[]string{"hide", "path", "/x", "mb", "40"}, "disk"},               // deleted, and still open
		"maps":    {[]string{"hide", "path", "/x", "mb", "40", "how", "map"}, "disk"}, // deleted, and only mapped
		"litters": {[]string{"litter", "path", "/many", "files", "3000"}, "files"},    // empty ones
		"floods":  {[]string{"output", "mb", "3000"}, "output"},                       // a minute's worth and more
	}
	names := []string{"echo", "manual"}
	for name := range hogs {
		fixtures[name] = fixture{}
		names = append(names, name)
	}
	s := startStack(t, &stack{program: static(t)}, "127.0.0.1", "embedded", writeFixtures(t, names...),
		"CONTAINER_MAX_DISK=32m", "CONTAINER_MAX_FILES=2000", "CONTAINER_MAX_OUTPUT=100k", "DISK_RESERVE=0", "USER_RATE_LIMIT=0")
	s.running(alice, "echo")
	ids := map[string]string{}
	for name := range hogs {
		ids[name] = s.running(alice, name).ID
	}
	for name, hog := range hogs {
		if got := s.inside(name, hog.probe[0], hog.probe[1:]...); got != "done" {
			t.Fatalf("%s: %s", name, got)
		}
	}
	began := time.Now()
	s.running(bob, "manual")
	for name, hog := range hogs {
		s.eventually(name+" is stopped", 2*time.Minute, func() error {
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, "takes too much") && strings.Contains(line, "instance="+ids[name]) && strings.Contains(line, "cause="+hog.cause) {
					return nil
				}
			}
			return fmt.Errorf("%s: nothing is said of it", ids[name])
		})
		t.Logf("%-7s is stopped for %s after %s", name, hog.cause, time.Since(began).Round(time.Second))
		s.eventually(name+" is gone", time.Minute, func() error {
			if now := s.live(alice, name); now != nil && now.ID == ids[name] && now.State == "running" {
				return fmt.Errorf("it is %s", now.State)
			}
			return nil
		})
	}
	s.running(bob, "echo")
	if s.live(alice, "echo") == nil || s.live(bob, "manual") == nil {
		t.Error("an instance that took nothing is gone")
	}
}
