package datadir

import (
	"context"
	"fmt"
	"math"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"golang.org/x/sys/unix"
)

// What there has to be on a disk.
const (
	leastFree  = 1 << 30 // bytes on a disk
	leastFiles = 10_000
	FewFree    = 10 // per cent
)

// Folder is one that Whaley itself writes to.
type Folder struct{ Setting, Path string }

// Folders are all of them.
func Folders(c *config.Config) []Folder {
	return []Folder{{"DATA_DIR", c.DataDir}, {"FORENSICS_LOG_DIR", c.ForensicsDir}}
}

// Ping is what health says of the disks that Whaley writes to.
func Ping(c *config.Config) func(context.Context) error {
	return func(context.Context) error {
		for _, f := range Folders(c) {
			left, err := RoomIn(f.Path)
			if err != nil {
				return fmt.Errorf("%s=%s: %w", f.Setting, f.Path, err)
			}
			if scarce := left.Scarce(); scarce != "" {
				return fmt.Errorf("%s=%s %s: make room there", f.Setting, f.Path, scarce)
			}
		}
		return nil
	}
}

// Space is what a disk has left.
type Space struct {
	Bytes   int64
	Percent int    // of either blocks or files, whichever is scarcer
	files   uint64 // which may still be made; where a file system does not count them, more than anybody makes
}

// RoomIn looks at the disk of a folder.
func RoomIn(folder string) (Space, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return Space{}, err
	}
	block := int64(fs.Bsize) //nolint:unconvert // other systems have other types
	left := Space{Bytes: int64(fs.Bavail) * block, Percent: 100, files: math.MaxUint64}
	if fs.Blocks > 0 {
		left.Percent = int(fs.Bavail * 100 / fs.Blocks)
	}
	if fs.Files > 0 {
		left.Percent, left.files = min(left.Percent, int(fs.Ffree*100/fs.Files)), fs.Ffree
	}
	return left, nil
}

// Scarce says what there is too little of; empty: there is enough.
func (s Space) Scarce() string {
	switch {
	case s.Bytes < leastFree:
		return fmt.Sprintf("has %d MiB left", s.Bytes>>20)
	case s.files < leastFiles:
		return fmt.Sprintf("can hold %d more files", s.files)
	}
	return ""
}
