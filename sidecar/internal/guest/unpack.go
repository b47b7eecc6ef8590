//go:build linux

package guest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// unpack puts the files of an archive into the container, before anything of the challenge runs there. Owner, mode and
// time are those of the archive; folders that are there stay as they are.
func unpack(archive io.Reader) error {
	for from := tar.NewReader(archive); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackOne(h, from)
		}
		if err != nil {
			return fmt.Errorf("put the challenge's files into the container: %w", err)
		}
	}
}

func unpackOne(h *tar.Header, from io.Reader) (err error) {
	name := path.Join("/", h.Name)
	if err := os.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeDir {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := os.Mkdir(name, 0o755); errors.Is(err, os.ErrExist) {
			return nil
		} else if err != nil {
			return err
		}
	case tar.TypeReg:
		err = unpackFile(name, from)
	case tar.TypeSymlink:
		err = os.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return os.Link(path.Join("/", h.Linkname), name)
	default:
		return nil // devices and pipes: nobody's challenge mounts them
	}
	if err == nil {
		err = os.Lchown(name, h.Uid, h.Gid)
	}
	if err == nil && h.Typeflag != tar.TypeSymlink {
		err = unix.Chmod(name, uint32(h.Mode)&0o7777) // after the owner, which takes setuid away
	}
	if err != nil || h.ModTime.IsZero() {
		return err
	}
	at := unix.NsecToTimespec(h.ModTime.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
}

func unpackFile(name string, from io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
