//go:build linux

package survey

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unwritten are kinds of file systems that have nothing on a disk.
var unwritten = []string{"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"}

// Written is how much the processes of one container have on the disk, of which nothing is known but these: in their
// root's own layer, in what else is mounted to be written, and in open files without a name. What cannot be read counts
// nothing.
func Written(ctx context.Context, host, engine, proc string, pids []int) int64 {
	w := &walker{ctx: ctx, links: map[inode]bool{}}
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pids[0]), "mountinfo"))
	if err != nil {
		return 0 // ended
	}
	var seen []string
	for line := range strings.Lines(string(text)) {
		m, ok := parseMount(line)
		if !ok || slices.Contains(unwritten, m.kind) || slices.Contains(seen, m.layer) {
			continue
		}
		if m.layer != "" {
			seen = append(seen, m.layer)
			layer := m.layer
			if !filepath.IsAbs(layer) { // an engine names long lists of layers from its own folder
				layer = filepath.Join(engine, "overlay2", layer)
			}
			_ = w.tree(filepath.Join(host, layer))
			continue
		}
		if m.at != "/" {
			w.within(filepath.Join(proc, strconv.Itoa(pids[0]), "root"), m.at)
		}
	}
	for _, pid := range pids {
		if w.opened(proc, pid) != nil {
			break
		}
	}
	return w.bytes
}

// mounted is one line of mountinfo.
type mounted struct{ at, kind, layer string }

// parseMount reads a line of what is mounted to be written.
func parseMount(line string) (m mounted, ok bool) {
	before, after, found := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if !found || len(fields) < 6 || len(rest) < 3 || !slices.Contains(strings.Split(fields[5], ","), "rw") {
		return m, false
	}
	m.at, m.kind = unescape(fields[4]), rest[0]
	for option := range strings.SplitSeq(rest[len(rest)-1], ",") {
		if layer, found := strings.CutPrefix(option, "upperdir="); found {
			m.layer = unescape(layer)
		}
	}
	return m, true
}

// unescape undoes how the kernel writes blanks in names.
func unescape(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(name)
}

// within counts a folder as a process sees it, whatever links lie on the way there.
func (w *walker) within(root, path string) {
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	in, err := unix.Openat2(fd, strings.TrimPrefix(path, "/"), &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err == nil {
		_ = w.folder(in, 0)
	}
}
