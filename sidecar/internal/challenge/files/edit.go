package files

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// MaxContent is the size in bytes of the largest file that is read or written as one piece.
const MaxContent = 1 << 20

// Content is a file as it was read. Tag stands for exactly these bytes.
type Content struct {
	Path     string
	Bytes    []byte
	Tag      string
	Modified time.Time
}

// Tag is what stands for a file's bytes.
func Tag(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// Read returns a whole file.
func Read(root *os.Root, name string) (Content, error) {
	name, err := clean(name)
	if err != nil {
		return Content{}, err
	}
	info, err := regular(root, name)
	if err != nil {
		return Content{}, err
	}
	f, err := root.Open(name)
	if err != nil {
		return Content{}, translate(name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxContent+1))
	if err != nil {
		return Content{}, translate(name, err)
	}
	if len(text) > MaxContent {
		return Content{}, whaley.Errorf(
			whaley.Invalid, "file_too_large", "%q has more than %d bytes. Change it where the folder is.", name, MaxContent,
		)
	}
	return Content{Path: name, Bytes: text, Tag: Tag(text), Modified: info.ModTime().UTC()}, nil
}

// Write replaces a file's bytes in one step and keeps its mode. With a tag (not empty) it refuses with file_changed
// if the file has become another than the one that was read.
func Write(root *os.Root, name string, content []byte, tag string) error {
	if len(content) > MaxContent {
		return tooLarge(name)
	}
	before, err := Read(root, name)
	if err != nil {
		return err
	}
	if tag != "" && tag != before.Tag {
		return whaley.Errorf(
			whaley.Conflict, "file_changed",
			"%q was changed by somebody else since you have read it. Read it again and put your change into that.", name,
		)
	}
	info, err := regular(root, before.Path)
	if err != nil {
		return err
	}
	return replace(root, before.Path, content, info.Mode().Perm())
}

// Create makes a new file, and the folders that it is in.
func Create(root *os.Root, name string, content []byte) error {
	if len(content) > MaxContent {
		return tooLarge(name)
	}
	name, err := clean(name)
	if err != nil {
		return err
	}
	if err := errors.Join(shallow(name), absent(root, name)); err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return translate(path.Dir(name), err)
	}
	return replace(root, name, content, 0o644)
}

// CreateFolder makes a new folder, and those that it is in.
func CreateFolder(root *os.Root, name string) error {
	name, err := clean(name)
	if err != nil {
		return err
	}
	if err := errors.Join(shallow(name), absent(root, name)); err != nil {
		return err
	}
	return translate(name, root.MkdirAll(name, 0o755))
}

// Delete removes a file, a link or a folder with all that is in it.
func Delete(root *os.Root, name string) error {
	name, err := clean(name)
	if err != nil {
		return err
	}
	if _, err := root.Lstat(name); err != nil {
		return translate(name, err)
	}
	return translate(name, root.RemoveAll(name))
}

func absent(root *os.Root, name string) error {
	_, err := root.Lstat(name)
	if err == nil {
		return translate(name, fs.ErrExist)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return translate(name, err)
}

// regular refuses what is not a file: a write would replace a link instead of going through it.
func regular(root *os.Root, name string) (fs.FileInfo, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, translate(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, whaley.Errorf(whaley.Invalid, "not_a_file", "%q is a %s, not a file.", name, kind(info.Mode()))
	}
	return info, nil
}

// replace writes beside and renames, so that nobody ever sees half a file.
func replace(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	beside := path.Join(path.Dir(name), own+rand.Text())
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return translate(name, err)
	}
	_, err = f.Write(content)
	// The process's umask does not count: the mode is part of the revision.
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(beside, name)
	}
	if err != nil {
		return translate(name, errors.Join(err, root.Remove(beside)))
	}
	return nil
}

func tooLarge(name string) error {
	return whaley.Errorf(
		whaley.Invalid, "file_too_large", "%q would have more than %d bytes, the most that can be written here.", name,
		MaxContent,
	)
}
