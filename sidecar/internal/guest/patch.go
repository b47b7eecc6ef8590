//go:build linux

package guest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// patch writes new bytes into a file in the place of old ones. Owner, mode and times stay, and names of the same file
// stay names of one file.
func patch(p Patch) error {
	if err := write(p); err != nil {
		return fmt.Errorf("put the flag into %s: %w", p.Path, err)
	}
	for _, name := range p.Links {
		if err := link(p.Path, name); err != nil {
			return fmt.Errorf("put the flag into %s, which is %s too: %w", p.Path, name, err)
		}
	}
	return nil
}

func write(p Patch) error {
	f, err := os.OpenFile(p.Path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var was unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &was); err != nil {
		return err
	}
	if was.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("it is no file")
	}
	for _, s := range p.Swaps {
		there := make([]byte, len(s.Old))
		if len(s.New) != len(s.Old) {
			return errors.New("what is put there is not as long as what is there")
		}
		if _, err := f.ReadAt(there, s.At); err != nil {
			return err
		}
		switch {
		case bytes.Equal(there, s.New): // done by an earlier try
		case !bytes.Equal(there, s.Old):
			return fmt.Errorf("at %d it holds something else than its image", s.At)
		default:
			if _, err := f.WriteAt(s.New, s.At); err != nil {
				return err
			}
		}
	}
	if err := unix.Fchmod(int(f.Fd()), was.Mode&0o7777); err != nil { // writing takes setuid away
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, p.Path, []unix.Timespec{was.Atim, was.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// link makes a name one of a file again: layers of images know no names of one file once it is written to.
func link(file, name string) error {
	one, err := os.Stat(file)
	if err != nil {
		return err
	}
	if other, err := os.Lstat(name); err == nil && os.SameFile(one, other) {
		return nil
	}
	folder := filepath.Dir(name)
	var was unix.Stat_t
	if err := unix.Stat(folder, &was); err != nil {
		return err
	}
	aside := filepath.Join(folder, ".whaley-"+filepath.Base(name))
	if err := errors.Join(os.Link(file, aside), os.Rename(aside, name)); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, folder, []unix.Timespec{was.Atim, was.Mtim}, 0)
}
