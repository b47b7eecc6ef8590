package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

const (
	leastFree  = 1 << 30 // bytes on a disk
	leastFiles = 10_000
	fewFree    = 10 // per cent
)

// folder is one that Whaley itself writes to.
type folder struct{ setting, path string }

func written(c *config.Config) []folder {
	return []folder{{"DATA_DIR", c.DataDir}, {"FORENSICS_LOG_DIR", c.ForensicsDir}}
}

// diskPing is what health says of the disks that Whaley writes to.
func diskPing(c *config.Config) func(context.Context) error {
	return func(context.Context) error {
		for _, f := range written(c) {
			left, err := room(f.path)
			if err != nil {
				return fmt.Errorf("%s=%s: %w", f.setting, f.path, err)
			}
			if scarce := left.scarce(); scarce != "" {
				return fmt.Errorf("%s=%s %s: make room there", f.setting, f.path, scarce)
			}
		}
		return nil
	}
}

// space is what a disk has left.
type space struct {
	bytes   int64
	percent int    // of either blocks or files, whichever is scarcer
	files   uint64 // which may still be made; where a file system does not count them, more than anybody makes
}

func room(folder string) (space, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return space{}, err
	}
	block := int64(fs.Bsize) //nolint:unconvert // other systems have other types
	left := space{bytes: int64(fs.Bavail) * block, percent: 100, files: math.MaxUint64}
	if fs.Blocks > 0 {
		left.percent = int(fs.Bavail * 100 / fs.Blocks)
	}
	if fs.Files > 0 {
		left.percent, left.files = min(left.percent, int(fs.Ffree*100/fs.Files)), fs.Ffree
	}
	return left, nil
}

// scarce says what there is too little of; empty: there is enough.
func (s space) scarce() string {
	switch {
	case s.bytes < leastFree:
		return fmt.Sprintf("has %d MiB left", s.bytes>>20)
	case s.files < leastFiles:
		return fmt.Sprintf("can hold %d more files", s.files)
	}
	return ""
}

// checkDisks looks at the folders that Whaley itself writes to.
func checkDisks(c *config.Config, r *report) {
	for _, f := range written(c) {
		left, err := writable(f.path)
		switch scarce := left.scarce(); {
		case err != nil:
			r.fault("disk", fmt.Sprintf("%s=%s cannot be written to: %v", f.setting, f.path, err), "Give the user that Whaley runs as the right to write there.")
		case scarce != "":
			r.fault("disk", fmt.Sprintf("%s=%s %s", f.setting, f.path, scarce), "Make room: lower FORENSICS_RETENTION_HOURS or EVENTS_RETENTION_HOURS, or take a larger disk.")
		case left.percent < fewFree:
			r.hint("disk", "%s=%s is %d %% full", f.setting, f.path, 100-left.percent)
		}
	}
}

// writable makes a folder, writes a file there and removes it again.
func writable(folder string) (space, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return space{}, err
	}
	f, err := os.CreateTemp(folder, ".check-*")
	if err != nil {
		return space{}, err
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return space{}, err
	}
	return room(filepath.Clean(folder))
}
