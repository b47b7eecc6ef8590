package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Database is what a backup is made of and restored into.
type Database interface {
	Kind() string
	Migrations(ctx context.Context) ([]string, error)
	Backup(ctx context.Context, open func(table string) (io.WriteCloser, error)) error
	Restore(ctx context.Context, open func(table string) (io.ReadCloser, error)) error
}

// Folder is one that is part of a backup.
type Folder struct {
	Name string // in the backup
	Dir  string // on this machine; one that is not there is left out
	Skip []string
}

// manifest says what a backup is of.
type manifest struct {
	Format     int       `json:"format"`
	Version    string    `json:"version"` // of Whaley
	Database   string    `json:"database"`
	Migrations []string  `json:"migrations"`
	MadeAt     time.Time `json:"made_at"`
}

const (
	format       = 1
	manifestName = "manifest.json"
	unfinished   = ".whaley-backup-" // begins the names of what a backup is made in
	tableFolder  = "database"
)

// Write makes a backup at a path where nothing is yet. version is Whaley's.
func Write(ctx context.Context, to, version string, db Database, folders []Folder) (err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; give the backup another name", to)
	}
	out, err := os.CreateTemp(filepath.Dir(to), unfinished) // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	tables, err := os.MkdirTemp(filepath.Dir(to), unfinished+"tables-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tables)
	m := manifest{Format: format, Version: version, Database: db.Kind(), MadeAt: time.Now().UTC()}
	if m.Migrations, err = db.Migrations(ctx); err != nil {
		return err
	}
	err = db.Backup(
		ctx, func(table string) (io.WriteCloser, error) { return os.Create(filepath.Join(tables, table+".jsonl")) },
	)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(out)
	w := tar.NewWriter(packed)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	err = w.WriteHeader(&tar.Header{
		Name: manifestName, Mode: 0o600, Size: int64(len(text)), ModTime: m.MadeAt, Typeflag: tar.TypeReg,
	})
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return err
	}
	for _, f := range append([]Folder{{Name: tableFolder, Dir: tables}}, folders...) {
		if err := add(ctx, w, f); err != nil {
			return fmt.Errorf("%s: %w", f.Dir, err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close(), out.Sync()); err != nil {
		return err
	}
	return os.Link(out.Name(), to) // unlike a rename it replaces nothing
}

// add puts a folder's files, folders and links in.
func add(ctx context.Context, w *tar.Writer, f Folder) error {
	return filepath.WalkDir(f.Dir, func(at string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // never there, or gone since it was listed
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(f.Dir, at)
		if err != nil {
			return err
		}
		if slices.Contains(f.Skip, name) || name != "." && strings.HasPrefix(entry.Name(), unfinished) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		link := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if link, err = os.Readlink(at); err != nil {
				return err
			}
		case !info.IsDir() && !info.Mode().IsRegular():
			return nil // sockets and the like live for as long as a process
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name = path.Join(f.Name, filepath.ToSlash(name))
		header.Uname, header.Gname = "", ""
		if !info.Mode().IsRegular() {
			return w.WriteHeader(header)
		}
		return addFile(w, header, at)
	})
}

// addFile puts in as much of a file as its header says: one that is written to meanwhile may have grown.
func addFile(w *tar.Writer, header *tar.Header, at string) error {
	file, err := os.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.CopyN(w, file, header.Size)
	return err
}
