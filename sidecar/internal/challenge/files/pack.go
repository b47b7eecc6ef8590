package files

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Zip writes a folder as an archive, with all in it under a folder of the given name. What Whaley itself keeps there is
// left out.
func Zip(ctx context.Context, dir, called string, out io.Writer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	defer root.Close()
	w := zip.NewWriter(out)
	err = Walk(ctx, dir, func(at string, entry fs.DirEntry) error {
		name, err := filepath.Rel(dir, at)
		if err != nil || entry.IsDir() || Own(entry.Name()) {
			return err
		}
		return pack(w, root, name, path.Join(called, filepath.ToSlash(name)))
	})
	if err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	return w.Close()
}

func pack(w *zip.Writer, root *os.Root, name, as string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	link := info.Mode()&fs.ModeSymlink != 0
	if !link && !info.Mode().IsRegular() {
		return nil // a pipe or socket is nothing that a challenge has
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name, header.Method = as, zip.Deflate
	to, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	if link {
		leads, err := root.Readlink(name)
		if err == nil {
			_, err = io.WriteString(to, leads)
		}
		return err
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
