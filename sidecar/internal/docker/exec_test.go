package docker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// shellImage has a shell; scripts/need makes it.
const shellImage = "busybox:1.36"

// read is how many bytes this process has read so far.
func read(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(regexp.MustCompile(`rchar: (\d+)`).FindStringSubmatch(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// processes are the commands that run in a container beside its own.
func (b *bench) processes(id string) (all []string) {
	b.t.Helper()
	out, err := exec.Command("docker", "top", id, "-o", "pid,args").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n")[1:] {
		own := strings.Contains(line, "the service itself") || strings.HasSuffix(strings.TrimSpace(line), " sleep 1")
		if !own {
			all = append(all, line)
		}
	}
	return all
}

func (b *bench) runsNothingElse(id string) {
	b.t.Helper()
	testkit.Eventually(b.t, 20*time.Second, "no check runs any more", func() error {
		if left := b.processes(id); len(left) > 0 || b.Commands() > 0 {
			return fmt.Errorf("%d are known, and there are %v", b.Commands(), left)
		}
		return nil
	})
}

// TestACheckCostsNoMoreThanItsTime runs checks that print, hang, fork and cannot be killed.
func TestACheckCostsNoMoreThanItsTime(t *testing.T) {
	b := newBench(t)
	spec := b.spec("whaley-check-test")
	spec.Service.Image, spec.Service.Init = shellImage, false
	spec.Service.Command = []string{"sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done # the service itself"}
	spec.Service.Entrypoint = []string{}
	id := b.run(spec)
	check := func(within time.Duration, argv ...string) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		return b.Exec(ctx, id, argv)
	}
	if code, err := check(20*time.Second, "/bin/sh", "-c", "head -c 3000000 /dev/zero; exit 7"); code != 7 || err != nil {
		t.Errorf("a check that prints much ends with %d %v", code, err)
	}
	unseen := t.TempDir()
	for _, view := range []struct{ way, proc string }{{"from the host", "/proc"}, {"from inside", unseen}} {
		way := view.way
		b.See(view.proc)
		before := read(t)
		for range 2 {
			if _, err := check(1500*time.Millisecond, "/bin/sh", "-c", "sleep 1000 & yes"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("killed %s, a check that prints without end: %v", way, err)
			}
		}
		if printed := read(t) - before; printed > 20<<20 {
			t.Errorf("of a check that prints without end %d MB were read in 3 s", printed>>20)
		} else {
			t.Logf("killed %s: %d KB were read in 3 s", way, printed>>10)
		}
		b.runsNothingElse(id)
	}
	// Without a shell that could kill it, and where the host's processes are not seen, a check goes on.
	b.See(unseen)
	goroutines := runtime.NumGoroutine()
	busy := 0
	for range 20 {
		if _, err := check(500*time.Millisecond, "/bin/sleep", "1000"); err == nil {
			t.Error("it ended well")
		} else if !errors.Is(err, context.DeadlineExceeded) {
			busy++
		}
	}
	if left := b.processes(id); len(left) > 3 || b.Commands() > 3 || busy < 10 {
		t.Errorf("%d are known, %d were refused, and there are %v", b.Commands(), busy, left)
	}
	if now := runtime.NumGoroutine(); now > goroutines+20 {
		t.Errorf("%d goroutines, and %d before", now, goroutines)
	}
	if err := b.RemoveContainer(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, "what ran in the container is forgotten with it", func() error {
		if n := b.Commands(); n > 0 {
			return fmt.Errorf("%d are known", n)
		}
		return nil
	})
	if _, err := check(time.Second, "/bin/true"); whaley.CodeOf(err) != whaley.CodeObjectMissing {
		t.Errorf("a check in a container that is gone: %v", err)
	}
}
