// Package push brings a challenge's folder to a Whaley that runs, as organisers do by hand in the panel.
package push

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

// left are folders that are no part of what a challenge runs from.
var left = map[string]bool{".git": true, ".svn": true, "node_modules": true, "__pycache__": true, ".venv": true}

// archive writes a folder as a zip, in which it is called by a name. Links are refused: what they lead to is on this
// machine.
func archive(dir, called string, out io.Writer) (count int, err error) {
	w := zip.NewWriter(out)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("pack %s: %w", dir, err)
	}
	defer root.Close()
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir() && left[e.Name()]:
			return filepath.SkipDir
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf(
				"%s is no file: a challenge has files and folders only; put a copy of what it leads to there", name,
			)
		}
		if count++; count > files.MaxFiles {
			return fmt.Errorf("there are more than %d files: leave out what it does not run from", files.MaxFiles)
		}
		return add(w, root, name, called)
	})
	if err != nil {
		return 0, fmt.Errorf("pack %s: %w", dir, err)
	}
	return count, w.Close()
}

func add(w *zip.Writer, root *os.Root, name, under string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name, header.Method = under+"/"+filepath.ToSlash(name), zip.Deflate
	into, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(into, f)
	return err
}
