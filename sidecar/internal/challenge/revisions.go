package challenge

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

const (
	halfMade  = ".new-"          // begins the names of copies that are not whole yet
	leftover  = time.Hour        // after which a half-made copy is nobody's any more
	goodFile  = "last-good-of-"  // begins the names of files that hold a folder's last good revision
	builtFile = "last-built-of-" // the same, of the last one whose images were made
)

// revisions keeps a copy of every good revision as <dir>/<revision>/<folder>. Images are built and files are mounted
// from there, so that an edit changes nothing under an instance that runs or a build that goes on, and a folder that
// is broken has its last good revision even after a restart.
type revisions struct {
	dir string

	mu      sync.Mutex
	unused  map[string]bool // copies that the last prune found unused
	earlier int64           // bytes of each folder's copies that stay although nothing uses them
	sizes   map[string]int64
}

// openRevisions makes the folder and removes what a process that died has left half made.
func openRevisions(dir string) (*revisions, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), halfMade) && time.Since(info.ModTime()) > leftover {
			err = os.RemoveAll(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
		}
	}
	return &revisions{dir: dir, unused: map[string]bool{}, sizes: map[string]int64{}}, err
}

// keep returns the copy of a folder as it is now, and whether it has just been made.
func (r *revisions) keep(ctx context.Context, path string) (copied string, fresh bool, err error) {
	revision, err := revisionOf(ctx, path)
	if err != nil {
		return "", false, err
	}
	folder := filepath.Base(path)
	if copied = filepath.Join(r.dir, revision, folder); isFolder(copied) {
		now := time.Now()
		return copied, false, os.Chtimes(filepath.Dir(copied), now, now) // see latest
	}
	half := filepath.Join(r.dir, halfMade+rand.Text())
	defer os.RemoveAll(half)
	if err := CopyFolder(ctx, path, filepath.Join(half, folder)); err != nil {
		return "", false, err
	}
	// The folder may have been edited meanwhile: what was copied counts.
	if revision, err = revisionOf(ctx, filepath.Join(half, folder)); err != nil {
		return "", false, err
	}
	if copied = filepath.Join(r.dir, revision, folder); isFolder(copied) {
		return copied, false, nil
	}
	if err := syncFolder(half); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
		return "", false, err
	}
	return copied, true, os.Rename(filepath.Join(half, folder), copied)
}

// drop removes a copy that turned out to be broken.
func (r *revisions) drop(copied string) error {
	if err := os.RemoveAll(copied); err != nil {
		return err
	}
	if err := os.Remove(filepath.Dir(copied)); err != nil && !errors.Is(err, syscall.ENOTEMPTY) &&
		!errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remember writes down that a copy of a folder is good, or (builtFile) that its images were made.
func (r *revisions) remember(copied, folder, kind string) error {
	revision, path := filepath.Base(filepath.Dir(copied)), r.file(folder, kind)
	if before, err := os.ReadFile(path); err == nil && string(before) == revision {
		return nil
	}
	beside := filepath.Join(r.dir, halfMade+rand.Text())
	if err := os.WriteFile(beside, []byte(revision), 0o600); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// last is the copy of a folder's last good revision, or of the last that was built; empty if there is none.
func (r *revisions) last(folder, kind string) string {
	revision, err := os.ReadFile(r.file(folder, kind))
	if err != nil {
		return ""
	}
	if copied := filepath.Join(r.dir, string(revision), filepath.Base(folder)); isFolder(copied) {
		return copied
	}
	return ""
}

// file is the one that holds which revision of a folder that is.
func (r *revisions) file(folder, kind string) string {
	return filepath.Join(r.dir, kind+url.PathEscape(folder))
}

// allGood are the copies of all folders' last good revisions, and of those that were built last.
func (r *revisions) allGood() (map[string]bool, error) {
	all := map[string]bool{}
	var failed error
	for _, kind := range []string{goodFile, builtFile} {
		files, err := filepath.Glob(filepath.Join(r.dir, kind+"*"))
		failed = errors.Join(failed, err)
		for _, file := range files {
			if folder, err := url.PathUnescape(strings.TrimPrefix(filepath.Base(file), kind)); err == nil {
				all[r.last(folder, kind)] = true
			}
		}
	}
	return all, failed
}

// prune removes the copies that keep did not want twice in a row: a spawn that has just begun is not known yet.
func (r *revisions) prune(keep func(dir string) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	copies, err := filepath.Glob(filepath.Join(r.dir, "*", "*"))
	if err != nil {
		return err
	}
	good, err := r.allGood()
	if err != nil {
		return err
	}
	latest := r.latest(copies)
	unused := map[string]bool{}
	for _, copied := range copies {
		half := strings.HasPrefix(filepath.Base(filepath.Dir(copied)), halfMade)
		if half || keep(copied) || good[copied] || latest[copied] {
			continue
		}
		if !r.unused[copied] {
			unused[copied] = true
			continue
		}
		delete(r.sizes, copied)
		err = errors.Join(err, r.drop(copied))
	}
	r.unused = unused
	return err
}

// latest are the copies of each folder that were used last, as many as fit into what may stay for rolling back.
func (r *revisions) latest(copies []string) map[string]bool {
	stay := map[string]bool{}
	if r.earlier == 0 {
		return stay
	}
	used := map[string]time.Time{}
	for _, copied := range copies {
		if info, err := os.Stat(filepath.Dir(copied)); err == nil {
			used[copied] = info.ModTime()
		}
	}
	sorted := slices.SortedFunc(maps.Keys(used), func(a, b string) int { return used[b].Compare(used[a]) })
	taken := map[string]int64{}
	for _, copied := range sorted {
		folder := filepath.Base(copied)
		if taken[folder] += r.sizeOf(copied); taken[folder] <= r.earlier {
			stay[copied] = true
		}
	}
	return stay
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// CopyFolder copies names, modes, times, links and, where that is allowed, owners.
func CopyFolder(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	return files.Walk(ctx, from, func(path string, entry fs.DirEntry) error {
		name, err := filepath.Rel(from, path)
		if err != nil || files.Own(entry.Name()) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case info.IsDir():
			err = os.MkdirAll(target, 0o700)
			err = errors.Join(err, os.Chmod(target, info.Mode().Perm()|0o700))
		case info.Mode()&fs.ModeSymlink != 0:
			var leads string
			if leads, err = os.Readlink(path); err == nil {
				err = os.Symlink(leads, target)
			}
		case info.Mode().IsRegular():
			err = copyFile(path, target, info)
		default:
			return nil // a pipe or socket is nothing that a challenge has
		}
		if err != nil {
			return err
		}
		return own(target, info)
	})
}

func copyFile(from, to string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
	return errors.Join(err, os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// own gives a copy the owner of the original, which only root can.
func own(target string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(target, int(stat.Uid), int(stat.Gid))
}
