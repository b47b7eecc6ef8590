//go:build linux

package survey

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// containerID is how an engine names a container in the name of its control group.
var containerID = regexp.MustCompile(`[0-9a-f]{64}`)

// processes are those of each container, by its id.
func processes(proc string) (map[string][]int, error) {
	all, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	found := map[string][]int{}
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		groups, err := os.ReadFile(filepath.Join(proc, entry.Name(), "cgroup"))
		if err != nil {
			continue // ended
		}
		if id := containerID.Find(groups); id != nil {
			found[string(id)] = append(found[string(id)], pid)
		}
	}
	return found, nil
}

// opened counts files of a process that have no name any more and are kept by a descriptor or a mapping.
func (w *walker) opened(proc string, pid int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	folder := filepath.Join(proc, strconv.Itoa(pid))
	if err := w.descriptors(filepath.Join(folder, "fd")); err != nil {
		return err
	}
	return w.mappings(folder)
}

func (w *walker) descriptors(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return ended(err)
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(readAtA)
		for _, name := range names {
			if err := w.nameless(filepath.Join(path, name)); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // read to the end, or the process has ended
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
}

// maxMaps is how much of a process's list of mappings is read, in bytes.
const maxMaps = 8 << 20

func (w *walker) mappings(folder string) error {
	f, err := os.Open(filepath.Join(folder, "maps"))
	if err != nil {
		return ended(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(&limited{f, maxMaps, w.ctx})
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if !bytes.HasSuffix(lines.Bytes(), []byte(" (deleted)")) {
			continue
		}
		where, _, _ := strings.Cut(lines.Text(), " ")
		if err := w.nameless(filepath.Join(folder, "map_files", strings.TrimLeft(where, "0"))); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}

// nameless counts a file, seen through a link of /proc, if it is on a disk and nowhere in a folder.
func (w *walker) nameless(link string) error {
	var st unix.Stat_t
	if unix.Stat(link, &st) != nil || st.Nlink > 0 || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	id := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // other architectures have other types
	var fs unix.Statfs_t
	if w.links[id] || unix.Statfs(link, &fs) != nil || fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.HUGETLBFS_MAGIC {
		return nil // what is in memory counts as memory
	}
	w.links[id] = true
	return w.count(&st)
}

// wrote is how much a process has written to disks since it began, as far as the kernel knows who it was.
func wrote(proc string, pid int) int64 {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "io"))
	if err != nil {
		return 0
	}
	var sum int64
	for line := range strings.Lines(string(text)) {
		var n int64
		if _, err := fmt.Sscanf(line, "write_bytes: %d", &n); err == nil {
			sum += n
		} else if _, err := fmt.Sscanf(line, "cancelled_write_bytes: %d", &n); err == nil {
			sum -= n
		}
	}
	return max(sum, 0)
}

// ended makes a process that is no more no error.
func ended(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// limited reads no more than so much, and nothing once its time is over.
type limited struct {
	f    *os.File
	left int
	ctx  context.Context
}

func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil || l.left <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := l.f.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
