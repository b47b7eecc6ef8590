//go:build !linux

package challenge

import "golang.org/x/sys/unix"

// syncFolder writes out every file system: only Linux can do so with the one that holds a folder.
func syncFolder(string) error { return unix.Sync() }
