package challenge

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFolder makes sure that what is in a folder's file system is on the disk.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
