//go:build linux

package warden

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// plant makes a tree as control groups are mounted: each group has the files that bounds are written to.
func plant(t *testing.T, root string, one bool, groups ...string) {
	t.Helper()
	files := map[string][]string{
		"memory": {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cgroup.procs"}, "pids": {"pids.max"},
		"cpu": {"cpu.cfs_period_us", "cpu.cfs_quota_us"},
	}
	if one {
		files = map[string][]string{
			"": {"memory.max", "memory.swap.max", "pids.max", "cpu.max", "cgroup.procs", "cgroup.subtree_control"},
		}
	}
	for controller, names := range files {
		for _, group := range groups {
			folder := filepath.Join(root, controller, group)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestRunsAreBoundedWhereverTheEngineKeepsThem(t *testing.T) {
	const run, other = "0123456789abcdefghijklmno", "docker/f00df00df00df00df00df00df00df00df00df00df00df00df00df00df00df00d"
	for name, c := range map[string]struct {
		self   string
		one    bool
		groups []string
		files  map[string]string // what is in them afterwards
	}{
		"two versions of groups, cgroupfs": {
			"9:name=systemd:/docker/self\n4:memory:/docker/self\n0::/\n", false, []string{"docker/buildkit", "docker/buildkit/" + run, other},
			map[string]string{
				"memory/docker/buildkit/memory.limit_in_bytes": "200", "memory/docker/buildkit/" + run + "/memory.limit_in_bytes": "100",
				"memory/docker/buildkit/" + run + "/memory.memsw.limit_in_bytes": "100", "pids/docker/buildkit/" + run + "/pids.max": "7",
				"cpu/docker/buildkit/" + run + "/cpu.cfs_quota_us": "50000", "memory/" + other + "/memory.limit_in_bytes": "",
			},
		},
		"one version, cgroupfs": {
			"0::/docker/self\n", true, []string{"docker", "docker/buildkit", "docker/buildkit/" + run, other},
			map[string]string{
				"docker/buildkit/memory.max": "200", "docker/buildkit/" + run + "/memory.max": "100",
				"docker/buildkit/" + run + "/cpu.max": "50000 100000", "docker/buildkit/" + run + "/pids.max": "7",
				"docker/buildkit/" + run + "/memory.swap.max": "0", other + "/memory.max": "",
			},
		},
		"one version, systemd": {
			"0::/system.slice/docker-self.scope\n", true,
			[]string{"system.slice", "system.slice/docker-" + run + ".scope", "system.slice/ssh.service"},
			map[string]string{
				"system.slice/docker-" + run + ".scope/memory.max": "100", "system.slice/docker-" + run + ".scope/pids.max": "7",
				"system.slice/memory.max": "", "system.slice/ssh.service/memory.max": "",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			plant(t, root, c.one, c.groups...)
			self := filepath.Join(root, "self")
			if err := os.WriteFile(self, []byte(c.self), 0o644); err != nil {
				t.Fatal(err)
			}
			g, err := find(root, self)
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			order := `{"limits": {"memory": 100, "nano_cpus": 500000000, "pids": 7}, "builds": 2}`
			w := newWarden(g, &said)
			if word := w.obey(decode(t, order)); !word.Done {
				t.Errorf("%+v", word)
			}
			for file, want := range c.files {
				if got, err := os.ReadFile(filepath.Join(root, file)); err != nil || string(got) != want {
					t.Errorf("%s has %q, want %q: %v", file, got, want, err)
				}
			}
			w.free()
			for file, want := range c.files {
				if got, _ := os.ReadFile(filepath.Join(root, file)); want != "" && strings.Contains(string(got), want) {
					t.Errorf("%s still has %q afterwards", file, got)
				}
			}
			if said.Len() > 0 {
				t.Error(said.String())
			}
		})
	}
}

func decode(t *testing.T, text string) (o Order) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhereNoRunCanBeIsSaid(t *testing.T) {
	for _, text := range []string{"", "0::/\n", "4:memory:/\n0::/\n"} {
		self := filepath.Join(t.TempDir(), "self")
		if err := os.WriteFile(self, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if g, err := find(t.TempDir(), self); err == nil {
			t.Errorf("%q: %+v", text, g)
		}
	}
}

// TestARunThatTakesLongToMeasureHoldsUpNoBound has the look at what one RUN has written not end. Another RUN that
// begins meanwhile is bounded.
func TestARunThatTakesLongToMeasureHoldsUpNoBound(t *testing.T) {
	const first, second = "docker/buildkit/0123456789abcdefghijklmno", "docker/buildkit/onmlkjihgfedcba9876543210"
	root := t.TempDir()
	plant(t, root, true, "docker", "docker/buildkit", first)
	self, procs := filepath.Join(root, "self"), filepath.Join(root, first, "cgroup.procs")
	for file, text := range map[string]string{self: "0::/docker/self\n", procs: "4194999\n"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g, err := find(root, self)
	if err != nil {
		t.Fatal(err)
	}
	w := newWarden(g, io.Discard)
	w.every = time.Millisecond
	measuring := make(chan struct{})
	w.written = func(ctx context.Context, _ string, _ []int) int64 {
		close(measuring)
		<-ctx.Done()
		return 0
	}
	in, orders := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- w.serve(t.Context(), in) }()
	fmt.Fprintln(orders, `{"limits": {"memory": 100, "nano_cpus": 500000000, "pids": 7, "disk": 1}, "builds": 2}`)
	<-measuring
	plant(t, root, true, second)
	testkit.Eventually(t, time.Minute, "the second RUN is bounded while the first is measured", func() error {
		got, err := os.ReadFile(filepath.Join(root, second, "memory.max"))
		if string(got) != "100" {
			return fmt.Errorf("its bound is %q (%v)", got, err)
		}
		return nil
	})
	orders.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
