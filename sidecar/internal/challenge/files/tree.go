package files

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// The kinds of entries.
const (
	KindFile   = "file"
	KindFolder = "folder"
	KindLink   = "link"
	KindOther  = "other" // a socket, a device
)

// maxEntries is how many entries a tree shows at most.
const maxEntries = 10000

// own begins the names of files that are being written.
const own = ".whaley-"

// Entry is one thing in the folder.
type Entry struct {
	Path     string // with slashes, relative to the folder
	Kind     string
	Size     int64 // bytes
	Modified time.Time
}

// Own says whether a name is of a file that is being written, which is no part of the folder yet.
func Own(name string) bool { return strings.HasPrefix(name, own) }

// Tree lists everything in the folder, each folder before what is in it, by name.
func Tree(root *os.Root) ([]Entry, error) {
	all := []Entry{}
	info, err := root.Stat(".")
	if err != nil {
		return nil, translate(".", err)
	}
	w := &walker{ctx: context.Background(), open: root.Open, entries: maxEntries, bytes: math.MaxInt64}
	w.visit = func(name string, d fs.DirEntry) error {
		switch {
		case name == "." || Own(d.Name()):
			return nil
		case !utf8.ValidString(name): // cannot be opened by its name, nor written in JSON
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		all = append(all, Entry{Path: name, Kind: kind(info.Mode()), Size: info.Size(), Modified: info.ModTime().UTC()})
		return nil
	}
	err = w.from(fs.FileInfoToDirEntry(info))
	if errors.Is(err, errTooMany) || errors.Is(err, errTooDeep) {
		return nil, whaley.Errorf(whaley.Invalid, "tree_too_large",
			"The folder has more than %d entries or more than %d folders in each other.", maxEntries, MaxFolders)
	}
	return all, translate(".", err)
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return KindFile
	case mode.IsDir():
		return KindFolder
	case mode&fs.ModeSymlink != 0:
		return KindLink
	}
	return KindOther
}

// maxName is the longest name of a file that file systems take, maxPath the longest path, both in bytes.
const (
	maxName = 255
	maxPath = 1024
)

// clean is a path as it may be used, never the folder itself.
func clean(name string) (string, error) {
	control := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, control) || !filepath.IsLocal(name) {
		return "", whaley.Errorf(whaley.Invalid, "path_invalid",
			"%q is not a path in the challenge's folder: it must be relative, without .., backslashes and control characters.",
			abbreviated(name))
	}
	name = path.Clean(name)
	if name == "." || Own(path.Base(name)) {
		return "", whaley.Errorf(whaley.Invalid, "path_invalid", "%q is not a file of the challenge.", name)
	}
	return name, short(name)
}

// short refuses names and paths that no file system takes.
func short(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return whaley.Errorf(
				whaley.Invalid, "path_invalid", "%q has a name of %d bytes; at most %d can be stored.", abbreviated(name),
				len(part), maxName,
			)
		}
	}
	if len(name) > maxPath {
		return whaley.Errorf(
			whaley.Invalid, "path_invalid", "%q is a path of %d bytes; it may have %d.", abbreviated(name), len(name), maxPath,
		)
	}
	return nil
}

// shallow refuses to make folders in each other without end.
func shallow(name string) error {
	if n := strings.Count(name, "/"); n > MaxDepth {
		return whaley.Errorf(
			whaley.Invalid, "path_invalid", "%q lies in %d folders; at most %d are made.", abbreviated(name), n, MaxDepth,
		)
	}
	return nil
}

// translate makes an Error for people of what the file system says.
func translate(name string, err error) error {
	var known *whaley.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return whaley.Errorf(whaley.NotFound, "file_not_found", "There is no %q in the challenge's folder.", name)
	case errors.Is(err, fs.ErrExist):
		return whaley.Errorf(whaley.Conflict, "file_exists", "There is a %q already.", name)
	case escapes(err):
		return whaley.Errorf(whaley.Invalid, "path_invalid", "%q leads out of the challenge's folder.", name)
	}
	return whaley.Errorf(
		whaley.Unavailable, "file_failed",
		"The file system refused %q. Has the sidecar the right to write to CHALLENGES_DIR, and is there space?", name,
	).Because(err)
}

// escapes knows the error of os.Root, which has no name.
func escapes(err error) bool {
	var at *fs.PathError
	return errors.As(err, &at) && strings.Contains(at.Err.Error(), "escapes from parent")
}
