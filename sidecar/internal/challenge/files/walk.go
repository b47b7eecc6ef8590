package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of a challenge's folder, by whatever way it came.
const (
	MaxEntries = 50000   // files, links and folders
	MaxFolders = 64      // in each other
	MaxBytes   = 4 << 30 // of all files
)

// Walk visits a folder and everything in it, each folder before what is in it, by name, as filepath.WalkDir does, but
// never more than the limits allow, and it never holds more names than these in memory. The error says which limit it
// is, or is the first that visit returned; fs.SkipDir for a folder leaves that out.
func Walk(ctx context.Context, dir string, visit func(path string, entry fs.DirEntry) error) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	w := &walker{ctx: ctx, entries: MaxEntries, bytes: MaxBytes,
		open:  func(name string) (*os.File, error) { return os.Open(filepath.Join(dir, name)) },
		visit: func(name string, entry fs.DirEntry) error { return visit(filepath.Join(dir, name), entry) }}
	return w.from(fs.FileInfoToDirEntry(info))
}

var (
	errTooMany = fmt.Errorf("there are more than %d files and folders", MaxEntries)
	errTooDeep = fmt.Errorf("there are more than %d folders in each other", MaxFolders)
)

type walker struct {
	ctx     context.Context
	open    func(name string) (*os.File, error)
	visit   func(name string, entry fs.DirEntry) error
	entries int
	bytes   int64
}

func (w *walker) from(root fs.DirEntry) error {
	if err := w.one(".", root, 0); !errors.Is(err, fs.SkipDir) {
		return err
	}
	return nil
}

func (w *walker) one(name string, entry fs.DirEntry, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := w.visit(name, entry); err != nil || !entry.IsDir() {
		return err
	}
	if depth > MaxFolders {
		return fmt.Errorf("%s: %w", abbreviated(name), errTooDeep)
	}
	found, err := w.list(name)
	if err != nil {
		return err
	}
	for _, inner := range found {
		if err := w.one(path.Join(name, inner.Name()), inner, depth+1); err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}

// list reads a folder, no further than there may be entries.
func (w *walker) list(name string) ([]fs.DirEntry, error) {
	f, err := w.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := f.ReadDir(w.entries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if w.entries -= len(found); w.entries < 0 {
		return nil, errTooMany
	}
	for _, inner := range found {
		if !inner.Type().IsRegular() {
			continue
		}
		info, err := inner.Info()
		if err != nil {
			return nil, err
		}
		if w.bytes -= info.Size(); w.bytes < 0 {
			return nil, fmt.Errorf(
				"%s: all files together have more than %d GB", abbreviated(path.Join(name, inner.Name())), MaxBytes>>30,
			)
		}
	}
	slices.SortFunc(found, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return found, nil
}

// abbreviated is the end of a long path.
func abbreviated(name string) string {
	if len(name) > 80 {
		return "…" + strings.ToValidUTF8(name[len(name)-80:], "")
	}
	return name
}
