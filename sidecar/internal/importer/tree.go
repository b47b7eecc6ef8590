package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Bounds of a tree.
const (
	maxEntries = 400000 // files, links and folders
	maxDepth   = 24     // folders in each other
	maxRead    = 256 << 10
)

// folder is one of a tree, with what is in it by name. Links are no part of it.
type folder struct {
	path   string // absolute
	name   string
	parent *folder // nil: the one that import was given
	inner  []*folder
	files  []string
}

// skipped are folders in which no challenge lies.
var skipped = []string{"node_modules", "__pycache__", "vendor", "venv", "site-packages"}

// tree is what is in a folder.
type tree struct {
	ctx   context.Context
	left  int
	notes []string // what was not looked at
}

// walk reads a folder and all below it.
func walk(ctx context.Context, dir string) (*folder, []string, error) {
	t := &tree{ctx: ctx, left: maxEntries}
	root := &folder{path: dir, name: filepath.Base(dir)}
	err := t.read(root, 0)
	return root, t.notes, err
}

func (t *tree) read(f *folder, depth int) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	entries, err := t.list(f)
	if err != nil && f.parent == nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	if err != nil {
		t.notes = append(t.notes, fmt.Sprintf("%s cannot be read and was left out: %s", f.path, err))
	}
	deep := false
	for _, e := range entries {
		name := e.Name()
		switch {
		case !utf8.ValidString(name): // no address, file of TOML or report can have it
		case e.Type().IsRegular():
			f.files = append(f.files, name)
		case e.IsDir() && !strings.HasPrefix(name, ".") && !slices.Contains(skipped, name):
			if depth == maxDepth {
				if !deep {
					t.notes = append(
						t.notes,
						fmt.Sprintf("%s lies in more than %d folders; what is in it was left out", filepath.Join(f.path, name), maxDepth),
					)
				}
				deep = true
				continue
			}
			inner := &folder{path: filepath.Join(f.path, name), name: name, parent: f}
			f.inner = append(f.inner, inner)
			if err := t.read(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// list reads the names in a folder, no further than there may be.
func (t *tree) list(f *folder) ([]os.DirEntry, error) {
	d, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(t.left + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if t.left -= len(entries); t.left < 0 {
		t.left = 0
		return nil, fmt.Errorf("there are more than %d files and folders in all; import fewer at a time", maxEntries)
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// each visits a folder and all below it, as long as visit says to go deeper.
func (f *folder) each(visit func(*folder) bool) {
	if !visit(f) {
		return
	}
	for _, inner := range f.inner {
		inner.each(visit)
	}
}

// within says whether a folder is another one or below it.
func (f *folder) within(other *folder) bool {
	for at := f; at != nil; at = at.parent {
		if at == other {
			return true
		}
	}
	return false
}

// below are the names of the folders from another one down to this.
func (f *folder) below(other *folder) []string {
	var names []string
	for at := f; at != nil && at != other; at = at.parent {
		names = append(names, at.name)
	}
	slices.Reverse(names)
	return names
}

// file is one in a folder.
type file struct {
	in   *folder
	name string
}

func (f file) path() string { return filepath.Join(f.in.path, f.name) }

// read returns the text of a file that is no link and has at most so many bytes.
func read(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", filepath.Base(path))
	case info.Size() > most:
		return nil, fmt.Errorf("%s has more than %d bytes", filepath.Base(path), most)
	}
	return io.ReadAll(io.LimitReader(f, most))
}
