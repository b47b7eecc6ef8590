package challenge

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxNested is how many folders may be around a challenge's own in CHALLENGES_DIR.
const maxNested = 6

// folders are the folders below dir that are challenges, by their paths with slashes, one more than are loaded at most:
// each that holds an instance.toml, and each directly in dir that neither is one nor holds any, since it may be one
// that lacks it.
func folders(dir string) ([]string, error) {
	w := &walking{dir: dir, left: maxFound}
	top, err := w.inside("")
	if err != nil {
		return nil, err
	}
	for _, name := range top {
		before := len(w.found)
		if w.below(name, 0); len(w.found) == before {
			w.found = append(w.found, name)
		}
		if len(w.found) > maxFolders {
			break
		}
	}
	slices.Sort(w.found)
	return w.found[:min(len(w.found), maxFolders+1)], nil
}

// walking is a look for challenges that ends after so many names.
type walking struct {
	dir   string
	left  int
	found []string
}

// below adds what is a challenge at a path or in it. What lies in a challenge's folder is its own.
func (w *walking) below(name string, depth int) {
	if info, err := os.Stat(filepath.Join(w.dir, name, definitionFile)); err == nil && !info.IsDir() {
		w.found = append(w.found, name)
		return
	}
	if depth == maxNested || len(w.found) > maxFolders {
		return
	}
	inner, err := w.inside(name)
	if err != nil {
		return // what cannot be read is told of if it is a challenge's
	}
	for _, next := range inner {
		w.below(path.Join(name, next), depth+1)
	}
}

// inside are the folders in a folder. Links count directly in CHALLENGES_DIR only: deeper they could go round in
// circles.
func (w *walking) inside(name string) ([]string, error) {
	f, err := os.Open(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(max(w.left, 1))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	w.left -= len(entries)
	var all []string
	for _, e := range entries {
		link := name == "" && e.Type()&fs.ModeSymlink != 0 && isFolder(filepath.Join(w.dir, e.Name()))
		if (e.IsDir() || link) && !strings.HasPrefix(e.Name(), ".") && e.Name() != "node_modules" {
			all = append(all, e.Name())
		}
	}
	slices.Sort(all)
	return all, nil
}

// inFolder says of problems in which folder they are: a challenge knows the last part of it only.
func inFolder(folder string, problems []Problem) []Problem {
	base := path.Base(folder)
	if base == folder {
		return problems
	}
	all := slices.Clone(problems)
	for n := range all {
		if all[n].File == base || strings.HasPrefix(all[n].File, base+"/") {
			all[n].File = folder + strings.TrimPrefix(all[n].File, base)
		}
	}
	return all
}

// nameless is what a folder is called whose challenge never was good: as it is written, or without what is no part of
// an address.
func nameless(folder string) string {
	if !strings.Contains(folder, "/") {
		return folder
	}
	return DeriveID(folder)
}
