package files

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Limits of an archive.
const (
	MaxArchive   = 50 << 20  // bytes of the archive itself
	MaxExtracted = 200 << 20 // bytes of all that comes out of it
	MaxFiles     = 1000      // files and folders, those too that are only named in paths
	MaxDepth     = 20        // folders in each other
)

// clutter is what desktops put into archives.
var clutter = []string{"__MACOSX", ".DS_Store", "Thumbs.db"}

// Unzip takes an archive apart into a folder that is empty. After an error the folder holds anything; nothing was
// written outside.
func Unzip(archive io.ReaderAt, size int64, root *os.Root) error {
	if size > MaxArchive {
		return ArchiveTooLarge()
	}
	counted := &counted{ReaderAt: archive, left: maxDirectory}
	r, err := zip.NewReader(counted, size)
	switch {
	case counted.left < 0 || err == nil && len(r.File) > MaxFiles:
		return tooManyEntries()
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // such paths are refused below, by name
		return whaley.Errorf(whaley.Invalid, "archive_invalid", "This is not a zip archive that can be read.").Because(err)
	}
	counted.left = math.MaxInt64
	if err := survey(r.File); err != nil {
		return err
	}
	left := int64(MaxExtracted)
	for _, f := range r.File {
		if cluttered(f.Name) {
			continue
		}
		if err := extract(f, root, &left); err != nil {
			return err
		}
	}
	return nil
}

// maxDirectory is how many bytes are read of an archive's own table of contents: each entry there takes far more in
// memory, and what it says of how many there are may be a lie.
const maxDirectory = 4 << 20

// counted is an archive of which only so much is read.
type counted struct {
	io.ReaderAt
	left int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return c.ReaderAt.ReadAt(p, off)
}

func tooManyEntries() error {
	return whaley.Errorf(whaley.Invalid, "archive_too_many", "The archive has more than %d files and folders.", MaxFiles)
}

// survey refuses an archive by the paths in it before anything is written.
func survey(entries []*zip.File) error {
	made := map[string]bool{}
	for _, f := range entries {
		if cluttered(f.Name) {
			continue
		}
		name, err := clean(strings.TrimSuffix(f.Name, "/"))
		if err == nil {
			err = shallow(name)
		}
		if err != nil {
			return whaley.Errorf(whaley.Invalid, "archive_path",
				"The archive's entry %q cannot be in the challenge's folder: %s", abbreviated(f.Name), detail(err))
		}
		for ; name != "." && !made[name]; name = path.Dir(name) {
			made[name] = true
		}
		if len(made) > MaxFiles {
			return tooManyEntries()
		}
	}
	return nil
}

func detail(err error) string {
	var known *whaley.Error
	if errors.As(err, &known) {
		return known.Detail
	}
	return err.Error()
}

// ArchiveTooLarge is the refusal of an archive by its own size.
func ArchiveTooLarge() error {
	return whaley.Errorf(
		whaley.Invalid, "archive_too_large", "The archive is larger than %d MB. Leave out what an image can fetch or build.",
		MaxArchive>>20,
	)
}

func cluttered(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		for _, c := range clutter {
			if part == c {
				return true
			}
		}
	}
	return false
}

func extract(f *zip.File, root *os.Root, left *int64) error {
	name, err := clean(strings.TrimSuffix(f.Name, "/"))
	if err != nil {
		return err // survey has said so
	}
	mode := f.Mode()
	switch {
	case f.Flags&1 != 0:
		return whaley.Errorf(whaley.Invalid, "archive_encrypted", "The archive's entry %q is encrypted.", f.Name)
	case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
		return translate(name, root.MkdirAll(name, 0o755))
	case !mode.IsRegular():
		return whaley.Errorf(
			whaley.Invalid, "archive_link",
			"The archive's entry %q is a link or another special file; only files and folders are taken.", f.Name,
		)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return translate(path.Dir(name), err)
	}
	permissions := fs.FileMode(0o644)
	if mode.Perm()&0o111 != 0 {
		permissions = 0o755
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions)
	if errors.Is(err, fs.ErrExist) {
		return whaley.Errorf(whaley.Invalid, "archive_twice", "The archive has %q twice.", f.Name)
	}
	if err != nil {
		return translate(name, err)
	}
	in, err := f.Open()
	if err == nil {
		var written int64
		// What an entry says of its size may be a lie: what counts is what comes out.
		written, err = io.Copy(out, io.LimitReader(in, *left+1))
		*left -= written
		err = errors.Join(err, in.Close())
	}
	err = errors.Join(err, out.Chmod(permissions), out.Close())
	if *left < 0 {
		return whaley.Errorf(
			whaley.Invalid, "archive_too_large", "More than %d MB come out of the archive.", MaxExtracted>>20,
		)
	}
	if err != nil {
		return whaley.Errorf(whaley.Invalid, "archive_invalid", "The archive's entry %q cannot be read.", f.Name).Because(err)
	}
	return nil
}

// Find is the folder, at most four deep, that holds a file of a name; refuses if there is none or more than one.
func Find(root *os.Root, name string) (string, error) {
	var found []string
	err := fs.WalkDir(root.FS(), ".", func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.Count(at, "/") >= 4 {
			return fs.SkipDir
		}
		if !d.IsDir() && path.Base(at) == name {
			found = append(found, path.Dir(at))
		}
		return nil
	})
	if err != nil {
		return "", translate(".", err)
	}
	switch len(found) {
	case 0:
		return "", whaley.Errorf(whaley.Invalid, "archive_no_challenge", "There is no %s in the archive.", name)
	case 1:
		return found[0], nil
	}
	return "", whaley.Errorf(
		whaley.Invalid, "archive_many", "There is a %s in each of %s; an archive holds one challenge.", name,
		strings.Join(found, ", "),
	)
}
