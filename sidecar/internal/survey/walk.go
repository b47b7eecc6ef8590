//go:build linux

package survey

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	maxDepth  = 512 // folders in folders; whoever nests deeper has something to hide
	readAtA   = 256 // entries of a folder
	blockSize = 512 // of what stat(2) counts, whatever the file system's own is
)

// Errors of a walk that ended early. What was counted until then is at least there.
var (
	errTooMany = errors.New("more files than are allowed")
	errTooDeep = errors.New("folders nested too deep to be measured")
)

// walker counts one instance's files.
type walker struct {
	ctx   context.Context
	most  int64 // files that are counted
	bytes int64
	files int64
	links map[inode]bool // those with several names, which count once
}

type inode struct{ device, number uint64 }

// tree counts a folder with all in it. One that is gone is empty.
func (w *walker) tree(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	return w.folder(fd, 0)
}

// folder counts what is in an open folder and closes it. Others may change it meanwhile; what vanishes is not there.
func (w *walker) folder(fd, depth int) error {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	if depth > maxDepth {
		return errTooDeep
	}
	for {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		names, err := f.Readdirnames(readAtA)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := w.entry(fd, name, depth); err != nil {
				return err
			}
		}
	}
}

func (w *walker) entry(folder int, name string, depth int) error {
	var st unix.Stat_t
	if unix.Fstatat(folder, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return nil // gone
	}
	if err := w.count(&st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	fd, err := unix.Openat(folder, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // is something else by now
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	return w.folder(fd, depth+1)
}

func (w *walker) count(st *unix.Stat_t) error {
	if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		id := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // other architectures have other types
		if w.links[id] {
			return nil
		}
		w.links[id] = true
	}
	w.files++
	w.bytes += st.Blocks * blockSize
	if w.most > 0 && w.files > w.most {
		return errTooMany
	}
	return nil
}
