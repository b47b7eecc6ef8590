//go:build linux

package warden

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// groups are where the engine keeps the containers of RUN lines, beside its other ones.
type groups struct {
	root  string         // where control groups are mounted
	one   bool           // all controllers are in one tree (version 2)
	above string         // the group that those of RUN lines are in, as a path in each tree
	own   bool           // nothing else is in it
	names *regexp.Regexp // of those of RUN lines
}

var (
	anyRun     = regexp.MustCompile(`^[0-9a-z]{20,30}$`)
	runOfScope = regexp.MustCompile(`^docker-[0-9a-z]{20,30}\.scope$`)
)

// find is told by the warden's own group, which the engine keeps beside those of RUN lines: docker/<id> beside
// docker/buildkit/<RUN>, or docker-<id>.scope beside docker-<RUN>.scope where systemd keeps them.
func find(root, cgroup string) (*groups, error) {
	text, err := os.ReadFile(cgroup)
	if err != nil {
		return nil, fmt.Errorf("read which control group this is in: %w", err)
	}
	g := &groups{root: root, one: true}
	var self string
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(fields) < 3:
		case slices.Contains(strings.Split(fields[1], ","), "memory"):
			self, g.one = fields[2], false
		case fields[1] == "" && self == "":
			self = fields[2]
		}
	}
	beside, name := filepath.Split(filepath.Clean("/" + self))
	switch {
	case name == "" || beside == "/" && !strings.HasSuffix(name, ".scope"):
		return nil, fmt.Errorf("this runs in the control group %q, beside which no RUN can be", self)
	case strings.HasSuffix(name, ".scope"):
		g.above, g.names = beside, runOfScope
	default:
		g.above, g.names, g.own = filepath.Join(beside, "buildkit"), anyRun, true
	}
	return g, nil
}

// runs are the groups of RUN lines.
func (g *groups) runs() []string {
	entries, err := os.ReadDir(g.tree("memory", g.above))
	if err != nil {
		return nil // nothing was built yet
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() && g.names.MatchString(e.Name()) {
			all = append(all, filepath.Join(g.above, e.Name()))
		}
	}
	return all
}

func (g *groups) tree(controller, group string) string {
	if g.one {
		controller = ""
	}
	return filepath.Join(g.root, controller, group)
}

// make makes the group that RUN lines are in, which the engine would make for the first of them.
func (g *groups) make() error {
	if g.one {
		for _, at := range []string{filepath.Dir(g.above), g.above} {
			if err := os.MkdirAll(g.tree("", at), 0o755); err != nil {
				return fmt.Errorf("make the control group %s: %w", at, err)
			}
			// The engine does the same for its first RUN; the root has them all.
			_ = write(filepath.Join(g.tree("", at), "cgroup.subtree_control"), "+cpu +memory +pids")
		}
		return nil
	}
	for _, controller := range []string{"memory", "pids", "cpu"} {
		if err := os.MkdirAll(g.tree(controller, g.above), 0o755); err != nil {
			return fmt.Errorf("make the control group %s: %w", g.above, err)
		}
	}
	return nil
}

const period = 100_000 // microseconds

// limit bounds a group; the zero value takes all bounds away.
func (g *groups) limit(group string, l Limits) error {
	number := func(n int64, none string) string {
		if n <= 0 {
			return none
		}
		return strconv.FormatInt(n, 10)
	}
	quota := int64(0)
	if l.NanoCPUs > 0 {
		quota = max(l.NanoCPUs*period/1e9, 1000) // less the kernel does not take
	}
	if g.one {
		swap := "max"
		if l.Memory > 0 {
			swap = "0"
		}
		_ = write(filepath.Join(g.tree("", group), "memory.swap.max"), swap) // not where there is no swap
		return errors.Join(
			write(filepath.Join(g.tree("", group), "memory.max"), number(l.Memory, "max")),
			write(filepath.Join(g.tree("", group), "pids.max"), number(l.Pids, "max")),
			write(filepath.Join(g.tree("", group), "cpu.max"), fmt.Sprintf("%s %d", number(quota, "max"), period)),
		)
	}
	memory := g.tree("memory", group)
	// With swap is never less than without, so which comes first depends on whether there will be more.
	with := filepath.Join(memory, "memory.memsw.limit_in_bytes")
	_ = write(with, number(l.Memory, "-1"))
	limited := write(filepath.Join(memory, "memory.limit_in_bytes"), number(l.Memory, "-1"))
	if _, err := os.Stat(with); err == nil {
		limited = cmp.Or(limited, write(with, number(l.Memory, "-1")))
	}
	return errors.Join(limited,
		write(filepath.Join(g.tree("pids", group), "pids.max"), number(l.Pids, "max")),
		write(filepath.Join(g.tree("cpu", group), "cpu.cfs_period_us"), strconv.Itoa(period)),
		write(filepath.Join(g.tree("cpu", group), "cpu.cfs_quota_us"), number(quota, "-1")),
	)
}

// pids are the processes of a group.
func (g *groups) pids(group string) []int {
	text, err := os.ReadFile(filepath.Join(g.tree("memory", group), "cgroup.procs"))
	if err != nil {
		return nil // ended
	}
	var all []int
	for line := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
			all = append(all, pid)
		}
	}
	return all
}

// write writes to a file of the kernel, and makes none.
func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("bound builds: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("bound builds by %s: %w", text, err)
	}
	return nil
}
