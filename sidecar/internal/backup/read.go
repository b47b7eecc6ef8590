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
	"path/filepath"
	"slices"
	"strings"
)

// maxManifest is the size in bytes of the largest manifest that is read.
const maxManifest = 1 << 20

// Read restores a backup into an empty database and empty folders. It changes nothing before it knows that the backup
// fits, and the database last: with a row everything else is there too.
func Read(ctx context.Context, from string, db Database, folders []Folder) error {
	if err := fits(ctx, from, db); err != nil {
		return err
	}
	for _, f := range folders {
		if err := empty(f); err != nil {
			return err
		}
	}
	tables, err := os.MkdirTemp("", "whaley-restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tables)
	if err := unpack(ctx, from, append([]Folder{{Name: tableFolder, Dir: tables}}, folders...)); err != nil {
		return err
	}
	return db.Restore(ctx, func(table string) (io.ReadCloser, error) {
		f, err := os.Open(filepath.Join(tables, table+".jsonl"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return f, err
	})
}

func openTar(from string) (*tar.Reader, func(), error) {
	file, err := os.Open(from)
	if err != nil {
		return nil, nil, err
	}
	packed, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("%s is no backup of Whaley: %w", from, err)
	}
	return tar.NewReader(packed), func() { file.Close() }, nil
}

// fits says whether this version and this database can take a backup.
func fits(ctx context.Context, from string, db Database) error {
	r, done, err := openTar(from)
	if err != nil {
		return err
	}
	defer done()
	header, err := r.Next()
	if err != nil || header.Name != manifestName {
		return fmt.Errorf("%s is no backup of Whaley", from)
	}
	var m manifest
	if err := json.NewDecoder(io.LimitReader(r, maxManifest)).Decode(&m); err != nil || m.Format < 1 {
		return fmt.Errorf("%s is no backup of Whaley", from)
	}
	known, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	younger := slices.ContainsFunc(m.Migrations, func(name string) bool { return !slices.Contains(known, name) })
	switch {
	case m.Format > format || younger:
		return fmt.Errorf(
			"%s was made by Whaley %s, which is younger than this one: restore with that version", from, m.Version,
		)
	case m.Database != db.Kind():
		return fmt.Errorf(
			"%s is of a %s database and this one is %s: set DATABASE_URL as it was", from, m.Database, db.Kind(),
		)
	}
	return nil
}

// empty refuses a folder that holds anything but what is skipped, and folders that are empty themselves.
func empty(f Folder) error {
	entries, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if inside, err := os.ReadDir(filepath.Join(f.Dir, e.Name())); e.IsDir() && err == nil && len(inside) == 0 {
			continue // make up has made it
		}
		if !slices.Contains(f.Skip, e.Name()) {
			return fmt.Errorf("%s is not empty: it has %s. Move what is there away, then restore", f.Dir, e.Name())
		}
	}
	return nil
}

// unpack writes what belongs to the folders, and nothing outside them whatever the backup says.
func unpack(ctx context.Context, from string, folders []Folder) error {
	r, done, err := openTar(from)
	if err != nil {
		return err
	}
	defer done()
	roots := map[string]*os.Root{}
	for _, f := range folders {
		if err := os.MkdirAll(f.Dir, 0o700); err != nil {
			return err
		}
		root, err := os.OpenRoot(f.Dir)
		if err != nil {
			return err
		}
		defer root.Close()
		roots[f.Name] = root
	}
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		folder, name, _ := strings.Cut(header.Name, "/")
		root, ours := roots[folder]
		if !ours || name == "" {
			continue
		}
		if err := extract(root, filepath.FromSlash(name), header, r); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func extract(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	mode := fs.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o700); err != nil {
			return err
		}
		return root.Chmod(name, mode)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		if err := errors.Join(err, out.Chmod(mode), out.Close()); err != nil {
			return err
		}
		return root.Chtimes(name, header.ModTime, header.ModTime)
	}
	return nil
}
