package challenge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// revisionForm is what revisionOf makes: a name that leads to no other folder.
var revisionForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// HasRevision reports whether a challenge can be rolled back to a revision: its copy is still there.
func (l *Library) HasRevision(e Entry, revision string) bool {
	return l.copyOf(e, revision) != ""
}

func (l *Library) copyOf(e Entry, revision string) string {
	if l.revisions == nil || !revisionForm.MatchString(revision) {
		return ""
	}
	folder := filepath.Base(e.Folder)
	if dir := filepath.Join(l.revisions.dir, revision, folder); isFolder(dir) {
		return dir
	}
	// Where owners have flags of their own, a revision is of their shape too, which copies are not named by.
	all, err := os.ReadDir(l.revisions.dir)
	if err != nil {
		return ""
	}
	for _, one := range all {
		dir := filepath.Join(l.revisions.dir, one.Name(), folder)
		if revisionForm.MatchString(one.Name()) && withShape(one.Name(), *l.defaults.Load()) == revision && isFolder(dir) {
			return dir
		}
	}
	return ""
}

// ViewFolder is ViewRevision of what a challenge's folder holds.
func (l *Library) ViewFolder(e Entry, look func(dir string) error) error {
	return look(filepath.Join(l.dir, e.Folder))
}

// ViewRevision shows the copy of a revision of a challenge.
func (l *Library) ViewRevision(id, revision string, look func(dir string) error) error {
	e, err := l.Find(id)
	if err != nil {
		return err
	}
	dir := l.copyOf(e, revision)
	if dir == "" {
		return filesGone(revision)
	}
	return look(dir)
}

// RollBack puts a revision back into a challenge's folder, in the place of what is there. Instances that run go on with
// theirs.
func (l *Library) RollBack(ctx context.Context, id, revision, by string) (Entry, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	e, err := l.Find(id)
	if err != nil {
		return Entry{}, err
	}
	from := l.copyOf(e, revision)
	if from == "" {
		return Entry{}, filesGone(revision)
	}
	staging, err := l.stage(uploading)
	if err != nil {
		return Entry{}, unreachable(err)
	}
	defer func() { _ = staging.remove() }() // what stays is removed at the next start
	folder := filepath.Join(staging.dir, filepath.Base(e.Folder))
	if err := CopyFolder(ctx, from, folder); err != nil {
		return Entry{}, unreachable(err)
	}
	// What was allowed then may not be now.
	if _, err := Load(ctx, folder, *l.defaults.Load()); err != nil {
		return Entry{}, err
	}
	if err := errors.Join(os.Chmod(folder, 0o755), syncFolder(folder)); err != nil {
		return Entry{}, unreachable(err)
	}
	if err := l.audit(ctx, id, ""); err != nil {
		return Entry{}, err
	}
	if err := l.replace(staging, folder, e.Folder); err != nil {
		return Entry{}, err
	}
	return l.again(ctx, e.Folder, cause{whaley.OriginRollback, by})
}

func filesGone(revision string) error {
	return whaley.Errorf(whaley.NotFound, "revision_files_gone",
		"The files of revision %q are not kept any more. The latest ones are, up to %d MB of each challenge.", revision,
		EarlierBytes>>20)
}

// sizeOf is how many bytes a copy has; it is measured once, since a copy never changes.
func (r *revisions) sizeOf(copied string) int64 {
	if size, known := r.sizes[copied]; known {
		return size
	}
	var size int64
	err := files.Walk(context.Background(), copied, func(_ string, e os.DirEntry) error {
		if info, err := e.Info(); err == nil && e.Type().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	if err != nil {
		return r.earlier + 1 // what cannot be measured is not kept
	}
	r.sizes[copied] = size
	return size
}
